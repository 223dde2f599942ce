"""Rapid rise of particles at one station: in a quarter of an hour far above the last two hours, long before an hourly mean shows it.

Readings are put into slots of five minutes, each worth the median of its readings, so that single spikes count for nothing. Onset when each
of the last three slots is above the baseline (the median of slots between half an hour and two hours old) by `rise_ug_m3` and at least
`ratio` times it. Clear when three slots in a row are within a third of that rise above the baseline at onset, or after `longest_h`.

One channel alone may be sick: smoke and dust are seen by PM10 too, of which PM2.5 is a part, so by default (`confirm = "pm10"`) PM10 of the
same station must have risen by half as much. A station without PM10, or one that reports more rarely than every ten minutes, is unknown.

>>> import numpy as np
>>> from stream_processor.core.detectors.port import Batch
>>> minutes = np.arange(180, dtype=np.int64) * 60_000 + 1_790_000_100_000
>>> smoke = np.where(np.arange(180) < 150, 20.0, 140.0)
>>> air = Batch.of_readings("air-1", "pm25", minutes, smoke)
>>> [(v.kind, v.rule, (v.at_ms - int(minutes[150])) // 60_000) for v in make(Settings(confirm="none")).judge(air)]
[('onset', 'rapid_rise', 15)]
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from city_model.settings import between
from stream_processor.core.air.slots import RECENT, SLOT_MS, SLOTS, SlotMedians, keep
from stream_processor.core.columnar import Lists, Rows, floats, ints, of_floats, of_ints, whole
from stream_processor.core.detectors.port import Batch, Rule, Verdict, rule_version

_CODE_VERSION = "1"
_QUANTITIES = ("pm25", "pm10")


@dataclass(frozen=True, slots=True)
class Settings:
    """`rise_ug_m3` and `ratio`: how far above the baseline PM2.5 must be. `confirm`: what else must have risen."""

    rise_ug_m3: float = between(5, 5_000, default=60.0)
    ratio: float = between(1, 100, default=2.0)
    confirm: Literal["pm10", "none"] = "pm10"
    longest_h: float = between(0.5, 48, default=6.0)
    priority: Literal["high", "medium", "low"] = "low"
    lateness_s: float = between(0, 86_400, default=120.0)


@dataclass(slots=True)
class _Station:
    """State of one station; slots are common to its channels."""

    slot: int = -1
    channels: dict[str, SlotMedians] = field(default_factory=lambda: {name: SlotMedians() for name in _QUANTITIES})
    open: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in _QUANTITIES})
    onset_ms: int | None = None
    baseline: float = 0.0
    calm: int = 0
    worst: float = 0.0


class RapidRise:
    """One row of state per station."""

    name = "rapid_rise"

    def __init__(self, settings: Settings) -> None:
        self._s = settings
        version = rule_version(_CODE_VERSION, asdict(settings))
        self.rules: Mapping[str, Rule] = {"rapid_rise": Rule("rapid_rise", version, "pollution", settings.priority, "ug/m3")}
        self._stations: Rows[str, _Station] = Rows()

    def judge(self, batch: Batch) -> list[Verdict]:
        verdicts: list[Verdict] = []
        wanted = [k for k, name in enumerate(batch.quantities) if name in _QUANTITIES]
        if not wanted:
            return verdicts
        slots = (batch.at_ms // SLOT_MS).tolist()
        rows = zip(batch.device_index.tolist(), batch.quantity_index.tolist(), slots, batch.value.tolist(), strict=True)
        for device, quantity, slot, value in rows:
            if quantity in wanted:
                verdicts += self._take(batch.devices[device], batch.quantities[quantity], slot, value)
        return verdicts

    def tick(self, now_ms: int) -> list[Verdict]:
        over = int(now_ms - self._s.lateness_s * 1000) // SLOT_MS
        return [v for device, station in self._stations.sorted() for v in self._close_until(device, station, over)]

    def _take(self, device: str, quantity: str, slot: int, value: float) -> Iterator[Verdict]:
        station = self._stations.get(device)
        if station is None:
            station = self._stations[device] = _Station()
        if station.slot < 0:
            station.slot = slot
        if slot < station.slot:
            return
        yield from self._close_until(device, station, slot)
        keep(station.open[quantity], value)

    def _close_until(self, device: str, station: _Station, slot: int) -> Iterator[Verdict]:
        """Close every slot before `slot`; after a pause longer than the window nothing is left to judge."""
        for closing in range(station.slot, min(slot, station.slot + SLOTS)):
            for name, channel in station.channels.items():
                channel.close(station.open[name])
                station.open[name] = []
            yield from self._judge(device, station, (closing + 1) * SLOT_MS)
        station.slot = max(station.slot, slot)

    def _judge(self, device: str, station: _Station, end_ms: int) -> Iterator[Verdict]:
        recent = station.channels["pm25"].recent()
        if not recent:
            return
        level = statistics.median(recent)
        if station.onset_ms is None:
            baseline = station.channels["pm25"].baseline()
            if (
                baseline is None
                or min(recent) < max(baseline + self._s.rise_ug_m3, baseline * self._s.ratio)
                or not self._confirmed(station)
            ):
                return
            station.onset_ms, station.baseline, station.calm, station.worst = end_ms - RECENT * SLOT_MS, baseline, 0, level
            yield self._verdict("onset", device, station, end_ms, level)
            return
        is_calm = recent[-1] <= station.baseline + self._s.rise_ug_m3 / 3
        station.calm = station.calm + 1 if is_calm else 0
        if station.calm >= RECENT or end_ms - station.onset_ms >= self._s.longest_h * 3_600_000:
            yield self._verdict("clear", device, station, end_ms, level)
            station.onset_ms = None
        elif level > station.worst * 1.1:
            station.worst = level
            yield self._verdict("worse", device, station, end_ms, level)

    def _confirmed(self, station: _Station) -> bool:
        if self._s.confirm == "none":
            return True
        recent, baseline = station.channels["pm10"].recent(), station.channels["pm10"].baseline()
        return bool(recent) and baseline is not None and min(recent) >= baseline + self._s.rise_ug_m3 / 2

    def _verdict(self, kind: Literal["onset", "worse", "clear"], device: str, station: _Station, at_ms: int, level: float) -> Verdict:
        assert station.onset_ms is not None
        threshold = max(station.baseline + self._s.rise_ug_m3, station.baseline * self._s.ratio)
        evidence = {"level": round(level, 1), "baseline": round(station.baseline, 1), "window_s": RECENT * SLOT_MS / 1000}
        why = f"PM2.5 {level:.0f} ug/m3 where the two hours before had {station.baseline:.0f}"
        return Verdict(
            kind, "rapid_rise", f"{device}/pm25", device, at_ms, station.onset_ms, round(level, 1), round(threshold, 1), 1.0, evidence, why
        )

    def snapshot(self) -> dict[str, Any]:
        rows = [station for _, station in self._stations.sorted()]
        return {
            "stations": [device for device, _ in self._stations.sorted()],
            "slot": ints(s.slot for s in rows), "onset_ms": ints(s.onset_ms for s in rows), "calm": ints(s.calm for s in rows),
            "baseline": floats(s.baseline for s in rows), "worst": floats(s.worst for s in rows),
            "past": [Lists.column(s.channels[name].kept() for s in rows) for name in _QUANTITIES],
            "open": [Lists.column(s.open[name] for s in rows) for name in _QUANTITIES],
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        slot, onset_ms, calm = (of_ints(state[name]).tolist() for name in ("slot", "onset_ms", "calm"))
        baseline, worst = of_floats(state["baseline"]).tolist(), of_floats(state["worst"]).tolist()
        past = dict(zip(_QUANTITIES, map(Lists, state["past"]), strict=True))
        now = dict(zip(_QUANTITIES, map(Lists, state["open"]), strict=True))

        def build(k: int) -> _Station:
            return _Station(
                slot[k], {name: SlotMedians.of(lists[k]) for name, lists in past.items()},
                {name: lists.numbers(k) for name, lists in now.items()}, whole(onset_ms[k]), baseline[k], calm[k],
                worst[k],
            )  # fmt: skip

        self._stations = Rows(state["stations"], build)


def make(settings: Settings) -> RapidRise:
    """The detector with its settings."""
    return RapidRise(settings)
