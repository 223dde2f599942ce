"""A webhook: the message and the alarm as JSON, with the key in `Idempotency-Key`."""

from __future__ import annotations

import msgspec

from stream_processor.notify.http import post
from stream_processor.notify.messages import Message
from stream_processor.notify.settings import Channel


def send(channel: Channel, secret: str, message: Message) -> None:
    """POST it. See the folder for what is raised."""
    body = {"key": message.key, "what": message.what, "title": message.title, "text": message.text, "alarm": message.alarm}
    headers = {"idempotency-key": message.key} | ({"authorization": f"Bearer {secret}"} if secret else {})
    post(channel.url, msgspec.json.encode(body), headers, channel.name)
