"""What the core puts out, as plain dictionaries for JSON lines: observations, indices, alarms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from city_model.codec import observations
from city_model.events import AlarmEvent, EventType, Readings
from city_model.topics import ALARM_EVENTS, DEAD_LETTER, OBSERVATIONS
from stream_processor.core.air import vn_aqi
from stream_processor.core.settings import CoreSettings
from stream_processor.core.step import Emit
from stream_processor.stores.port import Flag

KINDS = ("observation", "index", "alarm")
_STEM = "vn_aqi"


class Lines:
    """Turns the core's output into lines. `names` are the stations' own names by device id."""

    def __init__(self, names: dict[str, str], zone: ZoneInfo, settings: CoreSettings, kinds: frozenset[str], model: str = "") -> None:
        """`model`: by which PM2.5 is corrected."""
        self._model = model
        self._names, self._zone, self._kinds = names, zone, kinds
        told = settings.derivations.get(_STEM)
        self._nowcast = told.nowcast if told is not None else "normalised"

    def of(self, emits: Sequence[Emit]) -> Iterator[dict[str, Any]]:
        """Lines of these emissions, in their order."""
        for emit in emits:
            if emit.event is None:
                continue
            if emit.topic == OBSERVATIONS and emit.event.type == EventType.OBSERVATIONS:
                readings, flags = observations.decode(emit.event.data)
                yield from self._of_readings(readings, flags)
            elif emit.topic == ALARM_EVENTS and "alarm" in self._kinds:
                yield self._of_alarm(msgspec.json.decode(emit.event.data, type=AlarmEvent))
            elif emit.topic == DEAD_LETTER and "observation" in self._kinds:
                yield {"kind": "rejected", **msgspec.json.decode(emit.event.data), "data": None}

    def _of_readings(self, readings: Readings, flags: int) -> Iterator[dict[str, Any]]:
        hours: dict[tuple[str, int], dict[str, float]] = {}
        for k, at_ms, value in zip(readings.name_index.tolist(), readings.at_ms.tolist(), readings.value.tolist(), strict=True):
            device, _, quantity = readings.names[k].partition("/")
            if quantity.startswith(_STEM):
                hours.setdefault((device, at_ms), {})[quantity] = value
            elif "observation" in self._kinds:
                yield {
                    "kind": "observation", **self._where_and_when(device, at_ms), "quantity": quantity, "value": value,
                    "late": bool(flags & Flag.LATE), "unfit": bool(flags & (Flag.SICK | Flag.FOG)),
                    **({"model": self._model, "revised": bool(flags & Flag.REVISED)} if quantity.startswith("pm25_corrected") else {}),
                }  # fmt: skip
        if "index" in self._kinds:
            for (device, at_ms), figures in hours.items():
                yield self._of_index(device, at_ms, figures, bool(flags & Flag.REVISED))

    def _of_index(self, device: str, at_ms: int, figures: dict[str, float], is_revised: bool) -> dict[str, Any]:
        stem = _STEM if self._nowcast == "normalised" else f"{_STEM}_{self._nowcast}"
        is_day = f"{stem}_day" in figures
        value = figures.get(f"{stem}_day" if is_day else stem)
        line: dict[str, Any] = {
            "kind": "index", "index": f"{_STEM}_day" if is_day else _STEM, **self._where_and_when(device, at_ms),
            "value": None if value is None else int(value), "category": _category(value), "revised": is_revised,
            "method": f"{vn_aqi.TABLE.source.split(',')[0]}, " + ("24 hours" if is_day else f"NowCast {self._nowcast}"),
        }  # fmt: skip
        if not is_day:
            dominant = figures.get(f"{stem}_dominant")
            line["dominant"] = None if dominant is None else vn_aqi.POLLUTANTS[int(dominant)]
            line["sub"] = {p: int(figures[f"{stem}_{p}"]) for p in vn_aqi.POLLUTANTS if f"{stem}_{p}" in figures}
            line["completeness"] = round(figures.get(f"{stem}_completeness", 0.0), 4)
        return line

    def _of_alarm(self, event: AlarmEvent) -> dict[str, Any]:
        alarm = event.alarm
        return {
            "kind": "alarm", "transition": event.transition, **self._where_and_when(alarm.device, event.at_ms), "rule": alarm.rule,
            "subject": alarm.subject, "why": event.why, "alarm": msgspec.to_builtins(alarm),
        }  # fmt: skip

    def _where_and_when(self, device: str, at_ms: int) -> dict[str, Any]:
        when = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(self._zone)
        return {"station": self._names.get(device, device), "time": when.isoformat(timespec="seconds"), "at_ms": at_ms}


def _category(value: float | None) -> dict[str, str] | None:
    if value is None:
        return None
    level = vn_aqi.level(value)
    return {"vi": level.vi, "en": level.en, "colour": level.colour}
