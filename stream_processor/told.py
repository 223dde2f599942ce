"""What each service of the stream tells at its status port: counts, lag, and why it is not ready."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from city_model.service.about import About, numbers
from city_model.topics import INPUTS
from city_model.transport.port import Transport
from stream_processor.bridge import BridgeCounts
from stream_processor.engine import EngineCounts
from stream_processor.logs.port import EventLog
from stream_processor.sink import SinkCounts


def about_bridge(counts: BridgeCounts, transport: Transport) -> About:
    """Ready while broker and log answer. `received` counts messages."""

    def reasons() -> Iterable[str]:
        if not transport.connected:
            yield "not connected to the broker"
        if counts.log_away:
            yield f"the log takes nothing: {counts.log_away}"

    return About("bridge", lambda: {**numbers(counts), "errors": float(counts.dead_lettered.total() + counts.acks_unsent)}, reasons)


def about_engine(counts: EngineCounts, event_log: EventLog) -> About:
    """Ready while every partition that is assigned has been taken over. `received` counts records of `inputs`."""

    def reasons() -> Iterable[str]:
        if not counts.assigned:
            yield "no partition is assigned to this worker"
        elif behind := counts.assigned - counts.owned:
            yield f"partitions not taken over yet: {', '.join(map(str, sorted(behind)))}"

    def told() -> Mapping[str, float]:
        return {**numbers(counts), "received": float(counts.records), "errors": float(counts.bugs)}

    async def lag() -> float:
        return await _behind(event_log, {(INPUTS, p): offset for p, offset in counts.reached.items()})

    return About("stream", told, reasons, lambda: {"partitions": float(len(counts.owned))}, lag)


def about_sink(counts: SinkCounts, event_log: EventLog) -> About:
    """Ready while the store takes what is written. `received` counts records of all topics that become series."""

    def reasons() -> Iterable[str]:
        if not counts.reached:
            yield "no partition is being read"
        yield from sorted({f"cannot write: {why}" for why in counts.away.values()})

    def told() -> Mapping[str, float]:
        return {**numbers(counts), "received": float(counts.records), "errors": float(counts.dead_lettered + counts.retries)}

    async def lag() -> float:
        return await _behind(event_log, counts.reached)

    return About("sink", told, reasons, lambda: {"partitions": float(len(counts.owned))}, lag)


def about_counter(service: str, counts: Counter[str], received: str, errors: Callable[[str], bool], is_ready: Callable[[], bool]) -> About:
    """A service that counts by name: `received` is the name of what it takes in, `errors` says which names are failures."""

    def told() -> Mapping[str, float]:
        named = {name: float(value) for name, value in counts.items()}
        return {**named, "received": named.get(received, 0.0), "errors": sum(v for name, v in named.items() if errors(name))}

    def reasons() -> Iterable[str]:
        if not is_ready():
            yield "no partition is being read"

    return About(service, told, reasons)


async def _behind(event_log: EventLog, reached: Mapping[tuple[str, int], int]) -> float:
    """Records between where we are and the end, over the owned partitions."""
    return float(sum([max(0, (await event_log.bounds(topic, p))[1] - offset) for (topic, p), offset in list(reached.items())]))
