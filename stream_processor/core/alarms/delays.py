"""On and off delays by rule, in event time: what ends before its on-delay is fleeting, what comes back before its off-delay never ended.

A delayed verdict comes out when a later verdict of its own subject, or the watermark (all data up to it have been judged), has passed its
time. So the result depends neither on how batches were cut nor on when ticks came.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, replace
from typing import Any

from stream_processor.core.alarms.settings import Delays
from stream_processor.core.detectors.port import Verdict

_Key = tuple[str, str]
_NONE = Delays()


class Delayed:
    """Verdicts that wait, at most one beginning and one end per (rule, subject)."""

    def __init__(self, delays: Mapping[str, Delays]) -> None:
        self._delays = delays
        self._onsets: dict[_Key, Verdict] = {}
        self._clears: dict[_Key, Verdict] = {}
        self.fleeting = 0

    def pass_on(self, verdict: Verdict) -> Iterator[Verdict]:
        """What can be acted upon now that `verdict` has come; of one subject they come in order of time."""
        delays = self._delays.get(verdict.rule, _NONE)
        if delays is _NONE:
            yield verdict
            return
        key = (verdict.rule, verdict.subject)
        yield from self._due(key, verdict.at_ms)
        if verdict.kind == "onset":
            yield from self._onset(key, verdict, delays)
        elif verdict.kind == "clear":
            yield from self._clear(key, verdict, delays)
        elif key not in self._onsets:
            yield verdict

    def until(self, watermark_ms: int) -> list[Verdict]:
        """What the passing of time alone releases, in order of time, rule and subject."""
        keys = sorted(self._onsets.keys() | self._clears.keys())
        out = [verdict for key in keys for verdict in self._due(key, watermark_ms)]
        return sorted(out, key=lambda v: (v.at_ms, v.rule, v.subject))

    def _onset(self, key: _Key, verdict: Verdict, delays: Delays) -> Iterator[Verdict]:
        if self._clears.pop(key, None) is not None:
            return  # it never ended
        if delays.on_s == 0:
            yield verdict
        else:
            self._onsets[key] = replace(verdict, at_ms=verdict.at_ms + round(delays.on_s * 1000))

    def _clear(self, key: _Key, verdict: Verdict, delays: Delays) -> Iterator[Verdict]:
        if self._onsets.pop(key, None) is not None:
            self.fleeting += 1
        elif delays.off_s == 0:
            yield verdict
        else:
            self._clears[key] = replace(verdict, at_ms=verdict.at_ms + round(delays.off_s * 1000))

    def _due(self, key: _Key, now_ms: int) -> Iterator[Verdict]:
        for waiting in (self._onsets, self._clears):
            if key in waiting and waiting[key].at_ms <= now_ms:
                yield waiting.pop(key)

    def snapshot(self) -> dict[str, Any]:
        return {
            "onsets": [asdict(v) for v in self._onsets.values()],
            "clears": [asdict(v) for v in self._clears.values()],
            "fleeting": self.fleeting,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self._onsets, self._clears = _by_key(state["onsets"]), _by_key(state["clears"])
        self.fleeting = state["fleeting"]


def _by_key(rows: Iterable[Mapping[str, Any]]) -> dict[_Key, Verdict]:
    verdicts = [Verdict(**row) for row in rows]
    return {(v.rule, v.subject): v for v in verdicts}
