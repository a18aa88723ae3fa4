from channels.generic.websocket import WebsocketConsumer


class Counter(WebsocketConsumer):
    def receive(self, text_data=None, bytes_data=None):
        raise BufferError(f"cannot count {text_data}")
