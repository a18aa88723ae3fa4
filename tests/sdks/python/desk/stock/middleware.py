class OpeningHours:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if request.path.startswith("/middleware/"):
            raise PermissionError("closed on Sundays")
        return self.get_response(request)
