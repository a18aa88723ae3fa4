"""Who is asking: the customer named by the `customer` cookie, as a login would have it."""

import sentry_sdk


class CustomerMiddleware:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        name = request.COOKIES.get("customer", "ada")
        sentry_sdk.set_user({"id": f"cus_{name}", "username": name, "email": f"{name}@example.com"})
        sentry_sdk.set_tag("plan", "business")
        return self.get_response(request)
