"""A bot in the manner of Telegram's: `sendMessage` with a chat and a text. The token is part of the path, so no address is ever logged."""

from __future__ import annotations

import msgspec

from stream_processor.notify.http import post
from stream_processor.notify.messages import Message
from stream_processor.notify.settings import Channel


def send(channel: Channel, secret: str, message: Message) -> None:
    """Say it in the chat. See the folder for what is raised."""
    body = msgspec.json.encode({"chat_id": channel.chat, "text": f"{message.title}\n{message.text}"})
    post(f"{channel.url.rstrip('/')}/bot{secret}/sendMessage", body, {"idempotency-key": message.key}, channel.name)
