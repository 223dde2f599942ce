"""Reads server-sent events, for tests."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx


@dataclass(frozen=True, slots=True)
class Message:
    event: str
    data: Any
    id: str


@asynccontextmanager
async def stream(client: httpx.AsyncClient, last_id: str = "") -> AsyncIterator[AsyncIterator[Message]]:
    """Messages of /api/stream; with `last_id`, from there."""
    headers = {"last-event-id": last_id} if last_id else {}
    async with client.stream("GET", "/api/stream", headers=headers) as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        yield _messages(answer)


async def first(messages: AsyncIterator[Message], event: str) -> Message:
    """The next message of a kind."""
    async for message in messages:
        if message.event == event:
            return message
    raise AssertionError(f"the stream ended before {event!r}")


async def _messages(answer: httpx.Response) -> AsyncIterator[Message]:
    fields: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif "data" in fields:
            yield Message(fields["event"], json.loads(fields["data"]), fields.get("id", ""))
            fields = {}
        else:
            fields = {}
