"""What arrived and what did not, per device and hour of event time: received, duplicates, late, missing, set aside as from the future.

Rows are increments: whoever adds them up has the account of an hour, however late its readings came. They are handed out when a tick
enters a new hour of time; until then they wait here, so state is small.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from city_model.events import DeviceHour, Readings
from stream_processor.core.columnar import ints, of_ints
from stream_processor.core.parcel import Parcel

HOUR_MS = 3_600_000
KINDS = ("received", "duplicates", "late", "missing", "future")
_MOST_ROWS = 4_000


class Tally:
    """`totals` counts over the whole partition since the log began, per kind of `Report.counts`."""

    def __init__(self) -> None:
        self.totals: Counter[str] = Counter()
        self._rows: dict[tuple[str, int], list[int]] = {}
        self._hour: int | None = None

    def add(self, kind: str, parcel: Parcel) -> None:
        """Count the items of `parcel`, each in its own hour."""
        if kind != "received":
            self.totals[kind] += len(parcel)
        if isinstance(parcel.items, Readings):
            times = parcel.items.at_ms
            first, last = (int(times.min()), int(times.max())) if len(times) else (0, -1)
        else:
            times = np.array([sample.at_ms for sample in parcel.items], np.int64)
            first, last = (int(times.min()), int(times.max())) if len(times) else (0, -1)
        if last < first:
            return
        if first // HOUR_MS == last // HOUR_MS:
            self.add_at(kind, parcel.device, first, len(times))
            return
        for hour, count in zip(*(part.tolist() for part in np.unique(times // HOUR_MS, return_counts=True)), strict=True):
            self.add_at(kind, parcel.device, hour * HOUR_MS, count)

    def add_at(self, kind: str, device: str, at_ms: int, count: int) -> None:
        """Count `count` items of one moment."""
        row = self._rows.setdefault((device, at_ms // HOUR_MS), [0] * len(KINDS))
        row[KINDS.index(kind)] += count

    def tick(self, now_ms: int) -> list[list[DeviceHour]]:
        """Nothing, or, when `now_ms` lies in a new hour, all increments since the last time, by device and hour, in parts."""
        hour = now_ms // HOUR_MS
        if self._hour is None or hour == self._hour:
            self._hour = hour
            return []
        self._hour = hour
        rows = [DeviceHour(device, of * HOUR_MS, *counts) for (device, of), counts in sorted(self._rows.items())]
        self._rows = {}
        return [rows[i : i + _MOST_ROWS] for i in range(0, len(rows), _MOST_ROWS)]

    def snapshot(self) -> dict[str, Any]:
        """State as plain values."""
        rows = sorted(self._rows.items())
        columns = {"devices": [device for (device, _), _ in rows], "hours": ints(hour for (_, hour), _ in rows)}
        counts = ints(count for _, counts in rows for count in counts)
        return {"totals": dict(self.totals), **columns, "counts": counts, "hour": self._hour}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue exactly from `snapshot()`."""
        self.totals, self._hour = Counter(state["totals"]), state["hour"]
        keys = zip(state["devices"], of_ints(state["hours"]).tolist(), strict=True)
        self._rows = dict(zip(keys, of_ints(state["counts"]).reshape(-1, len(KINDS)).tolist(), strict=True))
