"""quixstreams without its broker: its topic deserialises each message, its stream of functions runs in a context of its own, as its
application does. The state is a dict: its RocksDB store would cost it more. Argument: FILE."""

from __future__ import annotations

import importlib
import sys
from contextvars import copy_context
from typing import Any

from quixstreams.context import set_message_context
from quixstreams.core.stream import Stream
from quixstreams.models import Topic
from quixstreams.models.serializers import SerializationError

sys.path[:0] = [__file__.rpartition("/")[0]]
job = importlib.import_module("job")


class Message:
    """What its consumer hands over; the parts of confluent_kafka's message that are asked for."""

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = value

    def headers(self) -> None:
        return None

    def topic(self) -> str:
        return "readings"

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return 0

    def key(self) -> None:
        return None

    def value(self) -> bytes:
        return self._value

    def timestamp(self) -> tuple[int, int]:
        return 1, 0

    def leader_epoch(self) -> int:
        return 0

    def latency(self) -> None:
        return None

    def __len__(self) -> int:
        return len(self._value)


def work(path: str) -> Any:  # noqa: ANN401
    """(messages, changes)."""
    states: dict[str, list[Any]] = {}
    changes: list[tuple[str, int, str]] = []

    def move(row: dict[str, Any]) -> tuple[str, int, str]:
        sensor = row["sensor_id"]
        state = states.get(sensor)
        if state is None:
            state = states[sensor] = job.new_state()
        return sensor, row["ts"], job.take(state, row["ts"], row["pm25"])

    def keep(value: Any, key: Any, timestamp: int, headers: Any) -> None:  # noqa: ANN401
        changes.append(value)

    topic = Topic("readings", value_deserializer="json")
    stream = Stream().add_filter(job.valid).add_apply(move).add_filter(lambda change: change[2] in ("O", "C"))
    run = stream.compose_single(sink=keep) if hasattr(stream, "compose_single") else stream.compose(sink=keep)
    messages = 0
    for block in job.blocks(path, 1_000):
        messages += len(block)
        for line in block:
            try:
                row = topic.row_deserialize(Message(line))
            except SerializationError:
                continue
            context = copy_context()
            context.run(set_message_context, row.context)
            context.run(run, row.value, row.key, row.timestamp, row.headers)
    return messages, changes


if __name__ == "__main__":
    job.report(work)
