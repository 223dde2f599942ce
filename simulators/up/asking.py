"""Asks a service's status port."""

from __future__ import annotations

import asyncio
import json
from typing import Any

_WITHIN_S = 3.0


async def ask(port: int, path: str) -> dict[str, Any] | None:
    """The JSON object that loopback `port` answers at `path`, whatever its status code; None when nobody answers rightly."""
    try:
        async with asyncio.timeout(_WITHIN_S):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
            answer = await reader.read()
            writer.close()
        found = json.loads(answer.partition(b"\r\n\r\n")[2])
    except (OSError, TimeoutError, ValueError):
        return None
    return found if isinstance(found, dict) else None


async def why_not_ready(port: int) -> list[str]:
    """The reasons a service gives; empty when it is ready."""
    answer = await ask(port, "/readyz")
    if answer is None:
        return ["does not answer"]
    return [] if answer.get("ready") else [str(reason) for reason in answer.get("reasons", [])]
