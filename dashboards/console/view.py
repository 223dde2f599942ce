"""Everything the page shows, in one object: followers of the log write into it, the API reads it. One event loop, so no locks."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from statistics import median

import msgspec
import numpy as np

from city_model.clock import Clock
from city_model.events import AlarmEvent, Readings, Report, Rules
from city_model.registry import City
from dashboards.console.people import Sight
from dashboards.console.shelf import Card, Shelf
from dashboards.console.sites import Figures, SiteNow, site_now
from stream_processor.stores.port import Flag

SILENT_AFTER_S = 30.0
"""Without a report of the engine for so long, ages can no longer be judged: everything is unknown. By the machine's own time, because
the city's stands still exactly when this matters; six of the engine's ticks of 5 s."""
BEHIND_MS = 300_000
"""A partition whose tick is older than the city's by this much lags."""
UNFIT_FOR_MS = 300_000
"""A sensor that was just sick is not believed again at once: its next reading is flagged after it is shown."""
TOLERABLE_PER_HOUR = 6
"""About one alarm in ten minutes is what one person can handle (EEMUA 191, ISA-18.2)."""
_HOUR_MS = 3_600_000
_LATENCIES = 200


class Share(msgspec.Struct, frozen=True):
    """`known` of `total` devices have data that is fresh enough."""

    known: int
    total: int


class Quality(msgspec.Struct, frozen=True):
    """The system's own health, in counts. `latency_ms` is the median from event time to this page, None when it cannot be said."""

    cameras: Share
    stations: Share
    received: int
    duplicates: int
    late: int
    gaps: int
    dead_lettered: int
    latency_ms: int | None
    alarms_this_hour: int
    tolerable_per_hour: int
    partitions_behind: int
    unreadable: int


class Changes(msgspec.Struct, frozen=True):
    """What moves all the time. `sites` holds only those that changed since the last one."""

    clock_ms: int | None
    link: str
    sites: dict[str, SiteNow]
    quality: Quality


class Snapshot(msgspec.Struct, frozen=True):
    """Everything, for a viewer that knows nothing."""

    clock_ms: int | None
    link: str
    sites: dict[str, SiteNow]
    quality: Quality
    alarms: list[Card]


class View:
    """The newest of everything. Times are ms of event time; latency is judged by `clock`, silence by `elapsed_s` (seconds, only rising)."""

    def __init__(self, city: City, clock: Clock, elapsed_s: Callable[[], float] = time.monotonic) -> None:
        self.city = city
        self.shelf = Shelf()
        self.log_fault = ""
        self.dead_lettered = 0
        self.unreadable = 0
        self.received: dict[str, int] = {}
        """Values read by device, since `since_ms`."""
        self.rules: dict[int, Rules] = {}
        """What the owner of each partition judges by."""
        self.since_ms: int | None = None
        self._clock = clock
        self._devices = {s.id: tuple(d for d in city.device if d.site == s.id and d.kind != "agent") for s in city.site}
        self._wanted = {d.id: frozenset(x.id for x in d.directions) for d in city.device if d.kind != "agent"}
        self._figures: dict[str, dict[str, tuple[int, float]]] = {device: {} for device in self._wanted}
        self._unfit: dict[str, dict[str, int]] = {}
        self._reports: dict[int, Report] = {}
        self._elapsed_s = elapsed_s
        self._report_seen_s: float | None = None
        self._latencies_ms: deque[int] = deque(maxlen=_LATENCIES)

    @property
    def clock_ms(self) -> int | None:
        """The city's time: the newest tick of any partition."""
        return max((report.at_ms for report in self._reports.values()), default=None)

    @property
    def link(self) -> str:
        """`ok`; `waiting` before the first report; `log` when the log cannot be read; `silent` when reports have stopped."""
        if self.log_fault:
            return "log"
        if self._report_seen_s is None:
            return "waiting"
        return "silent" if self._elapsed_s() - self._report_seen_s > SILENT_AFTER_S else "ok"

    def observe(self, readings: Readings, *, live: bool, flags: int = 0) -> None:
        """Newest values by event time; what came late changes nothing here. `flags` as in `Flag`, of all of them."""
        order = np.argsort(readings.at_ms, kind="stable")
        index, at_ms, value = (column[order].tolist() for column in (readings.name_index, readings.at_ms, readings.value))
        newest = {i: (at, v) for i, at, v in zip(index, at_ms, value, strict=True)}
        self._count(readings)
        for i, (at, v) in newest.items():
            self.figure(readings.names[i], at, v, flags)
        if live and at_ms:
            self._latencies_ms.append(self._clock.now_ms() - at_ms[-1])

    def _count(self, readings: Readings) -> None:
        for name, count in zip(readings.names, np.bincount(readings.name_index, minlength=len(readings.names)).tolist(), strict=True):
            if (device := name.partition("/")[0]) in self._wanted:
                self.received[device] = self.received.get(device, 0) + count

    def figure(self, series: str, at_ms: int, value: float, flags: int = 0) -> None:
        """One newest value; series of devices or directions that the registry does not know are not shown, nor what a sick sensor says."""
        device, _, rest = series.partition("/")
        direction, slash, _ = rest.partition("/")
        if device not in self._wanted or bool(slash) != bool(self._wanted[device]) or (slash and direction not in self._wanted[device]):
            return
        if flags & (Flag.SICK | Flag.FOG):
            unfit = self._unfit.setdefault(device, {})
            unfit[rest] = max(at_ms, unfit.get(rest, at_ms))
        known = self._figures[device].get(rest)
        if known is None or at_ms >= known[0]:
            self._figures[device][rest] = (at_ms, value)

    def report(self, report: Report, *, live: bool) -> None:
        """The engine's account of a partition. Only a live one proves that the engine is at work."""
        self.since_ms = report.at_ms if self.since_ms is None else min(self.since_ms, report.at_ms)
        known = self._reports.get(report.partition)
        if known is None or report.at_ms >= known.at_ms:
            self._reports[report.partition] = report
        if live or self._report_seen_s is None:
            self._report_seen_s = self._elapsed_s()

    def transition(self, event: AlarmEvent, position: str) -> bool:
        """True when it was news."""
        return self.shelf.add(event, position)

    def figures(self, device: str) -> Figures:
        """Newest values that may be believed: none of a sensor that was sick (or in fog) less than `UNFIT_FOR_MS` before."""
        figures = self._figures.get(device, {})
        unfit = self._unfit.get(device)
        if unfit is None:
            return figures
        return {rest: point for rest, point in figures.items() if point[0] > unfit.get(rest, point[0] - UNFIT_FOR_MS - 1) + UNFIT_FOR_MS}

    def sites(self) -> dict[str, SiteNow]:
        """Every site as it is now."""
        now_ms = self.clock_ms if self.link == "ok" else None
        open_subjects = self.shelf.open_subjects()
        figures = {**self._figures, **{device: self.figures(device) for device in self._unfit}}
        return {s.id: site_now(s, self._devices[s.id], figures, now_ms, open_subjects) for s in self.city.site}

    def quality(self, sites: dict[str, SiteNow]) -> Quality:
        """Counts over all partitions, and how many devices can be seen."""
        total: dict[str, int] = {}
        for report in self._reports.values():
            for name, count in report.counts.items():
                total[name] = total.get(name, 0) + count
        clock_ms = self.clock_ms
        return Quality(
            cameras=_share(sites, "camera"),
            stations=_share(sites, "air"),
            received=total.get("readings", 0) + total.get("samples", 0),
            duplicates=total.get("duplicates", 0),
            late=total.get("late", 0),
            gaps=total.get("gaps", 0),
            dead_lettered=self.dead_lettered,
            latency_ms=self._latency_ms(),
            alarms_this_hour=0 if clock_ms is None else self.shelf.opened_since(clock_ms - _HOUR_MS),
            tolerable_per_hour=TOLERABLE_PER_HOUR,
            partitions_behind=sum(report.at_ms < (clock_ms or 0) - BEHIND_MS for report in self._reports.values()),
            unreadable=self.unreadable,
        )

    def snapshot(self, sight: Sight) -> Snapshot:
        """Everything that somebody with this sight sees."""
        changes = self.changes(sight)
        return Snapshot(changes.clock_ms, changes.link, changes.sites, changes.quality, self.shelf.ranked(sight))

    def changes(self, sight: Sight) -> Changes:
        """Sites and health as they are now."""
        sites = self.sites()
        seen = {name: site for name, site in sites.items() if name in sight.sites}
        return Changes(self.clock_ms, self.link, seen, self.quality(sites))

    def _latency_ms(self) -> int | None:
        """None when clock and events are not of one time (a recording played later), or the clock moves with the events and says 0."""
        middle = int(median(self._latencies_ms)) if self._latencies_ms else 0
        return middle if 0 < middle < _HOUR_MS else None


def _share(sites: dict[str, SiteNow], kind: str) -> Share:
    states = [device.state for site in sites.values() for device in site.devices if device.kind == kind]
    return Share(sum(state != "unknown" for state in states), len(states))
