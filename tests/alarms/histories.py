"""Random histories of many areas as they stand in `inputs`, and what must hold of the transitions that come of them.

One area is one history: its camera's road jams and clears, its agent comes and goes, and operators' commands on its alarms are repeated,
stale and racing.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from city_model.codec import samples
from city_model.events import Alarm, AlarmEvent, Command, Event, EventType, Status
from city_model.lifecycle import acts
from city_model.registry import Area, City, Device, Direction, Site
from city_model.topics import ALARM_EVENTS, partition_of
from stream_processor.core.settings import CoreSettings
from stream_processor.core.step import Core, Emit
from tests.core.city import command_event, sample, tick

T0 = 1_795_600_800_000
CORE_TOML = """
[detectors.congestion]
hold_s = 0.0
clear_s = 0.0
max_gap_s = 3600.0
[alarms]
realarm_s = 300.0
escalate_high_s = 240.0
"""
"""Alarms come and go with every sample, so that a short history holds many."""


def city_of(areas: int) -> City:
    """A camera and its agent in each area."""
    names = [f"area-{k}" for k in range(areas)]
    return City(
        "Thành phố thử", "Test city", area=tuple(Area(name) for name in names),
        site=tuple(Site(f"site-{k}", name, "Ngã tư", "Junction", 11.0, 106.6) for k, name in enumerate(names)),
        device=tuple(
            device
            for k in range(areas)
            for device in (
                Device(f"gate-{k}", f"site-{k}", "agent"),
                Device(f"cam-{k}", f"site-{k}", "camera", f"gate-{k}", directions=(Direction("north"),)),
            )
        ),
    )  # fmt: skip


@dataclass
class Told:
    """What has become of a story so far: the transitions in order, and each alarm as it stands."""

    transitions: list[AlarmEvent] = field(default_factory=list)
    alarms: dict[str, list[Alarm]] = field(default_factory=lambda: defaultdict(list))
    """By area, in every state it has had."""

    def take(self, emits: Sequence[Emit]) -> None:
        for told in transitions_of(emits):
            self.transitions.append(told)
            if told.transition != "refused":
                self.alarms[told.alarm.area].append(told.alarm)


class Story:
    """Writes histories of all areas of `city`, round by round, and keeps what a core that never dies makes of them."""

    def __init__(self, rnd: random.Random, city: City, settings: CoreSettings, partitions: int) -> None:
        self._rnd = rnd
        self._city = city
        self.cores = [Core(city, settings, p) for p in range(partitions)]
        self.told = [Told() for _ in self.cores]
        self._seq: Counter[str] = Counter()
        self._sent: dict[str, list[Command]] = defaultdict(list)
        self.now_ms = T0

    def round(self) -> list[tuple[int, Event]]:
        """Time goes on; in each area something may happen. (partition, event) rows in their order."""
        self.now_ms += round(self._rnd.choice((0.2, 1, 2, 4)) * 60_000)
        rows = [(p, tick(self.now_ms)) for p in range(len(self.cores))]
        for k, area in enumerate(self._city.area):
            partition = partition_of(area.id, len(self.cores))
            rows += [(partition, event) for event in self._one(k, area.id, self.told[partition])]
        self._play(rows)
        return rows

    def end(self) -> list[tuple[int, Event]]:
        """A last tick everywhere: whoever has acted on it has acted on all before it."""
        self.now_ms += 60_000
        rows = [(p, tick(self.now_ms)) for p in range(len(self.cores))]
        self._play(rows)
        return rows

    def _play(self, rows: list[tuple[int, Event]]) -> None:
        for partition, core in enumerate(self.cores):
            self.told[partition].take(core.step([event for p, event in rows if p == partition]))

    def _one(self, k: int, area: str, told: Told) -> Iterator[Event]:
        what = self._rnd.random()
        if what < 0.5:
            jammed = self._rnd.random() < 0.5
            yield self._sample(k, *((self._rnd.choice((3.0, 6.0, 9.0)), 0.6) if jammed else (40.0, 0.1)))
        elif what < 0.55:
            yield self._status(k, self._rnd.choice(("online", "offline")))
        elif self._sent[area] and what < 0.6:
            yield command_event(self._rnd.choice(self._sent[area]))
        elif told.alarms[area] and what < 0.9:
            alarm = self._rnd.choice(told.alarms[area][-3:])
            for by in self._rnd.choice(("A", "AB")):  # B races A with the same version
                yield command_event(self._command(alarm, by))

    def _sample(self, k: int, speed_kmh: float, occupancy: float) -> Event:
        device = f"cam-{k}"
        data = samples.encode([sample(self.now_ms, speed_kmh, occupancy)])
        self._seq[device] += 1
        return Event(
            EventType.SAMPLES,
            f"site-{k}",
            device,
            "b1",
            self._seq[device] - 1,
            1,
            self.now_ms,
            samples.CONTENT_TYPE,
            data,
            area=f"area-{k}",
        )

    def _status(self, k: int, state: Literal["online", "offline"]) -> Event:
        data = msgspec.json.encode(Status(state, self.now_ms))
        return Event(EventType.STATUS, f"site-{k}", f"gate-{k}", "", -1, 1, self.now_ms, "application/json", data, area=f"area-{k}")

    def _command(self, alarm: Alarm, by: str) -> Command:
        kind = self._rnd.choice([name for name in acts() if name != "end_incident"])
        self._seq["commands"] += 1
        made = Command(
            f"{alarm.area}-{self._seq['commands']}", kind, alarm.id, alarm.version, by, self.now_ms,  # type: ignore[arg-type]  # a name of the table
            note="vì thử", to="C", until_ms=self.now_ms + 3_600_000,
        )  # fmt: skip
        self._sent[alarm.area].append(made)
        return made


def transitions_of(emits: Sequence[Emit]) -> list[AlarmEvent]:
    return [msgspec.json.decode(e.event.data, type=AlarmEvent) for e in emits if e.topic == ALARM_EVENTS and e.event]


def check(history: Sequence[AlarmEvent]) -> None:
    """One open alarm per (rule, subject), each version once and in order, each command answered once."""
    open_now: dict[tuple[str, str], str] = {}
    versions: dict[str, int] = defaultdict(int)
    for t in history:
        if t.transition == "refused":
            continue
        alarm, key = t.alarm, (t.alarm.rule, t.alarm.subject)
        assert alarm.version == versions[alarm.id] + 1, "a transition was lost or doubled"
        versions[alarm.id] = alarm.version
        if t.transition == "opened":
            assert key not in open_now, "two open alarms for one episode"
            open_now[key] = alarm.id
        elif t.transition == "closed":
            assert open_now.pop(key) == alarm.id
        elif t.transition != "noted":
            assert open_now[key] == alarm.id
        assert (alarm.condition == "returned") == (alarm.cleared_ms is not None)
    answered = Counter(t.command_id for t in history if t.command_id)
    assert max(answered.values(), default=1) == 1, "a command was carried out twice"


def by_area(told: Sequence[AlarmEvent]) -> dict[str, list[AlarmEvent]]:
    """Each history for itself: the order among areas depends on how batches were cut."""
    histories: dict[str, list[AlarmEvent]] = defaultdict(list)
    for t in told:
        histories[t.alarm.area].append(t)
    return histories
