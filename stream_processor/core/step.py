"""core.step: a batch of events of one partition in, events out. All state is here and explicit; time comes from ticks.

What is decided depends only on each device's own order and on the ticks, never on how the batches were cut, so replaying the same inputs
gives the same alarms to the byte.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from city_model.codec import packed, samples
from city_model.events import Alarm, AlarmEvent, Command, DeadLetter, DeviceHours, Event, EventType, Gap, Report, Rules, Status, Tick
from city_model.faults import Rejected
from city_model.registry import City
from city_model.topics import ALARM_EVENTS, ALARMS, DEAD_LETTER, INPUTS, OBSERVATIONS, RULES
from stream_processor.core.alarms import Alarms
from stream_processor.core.derived import DerivedSeries
from stream_processor.core.detectors.port import Verdict
from stream_processor.core.observed import judged_batch, observations
from stream_processor.core.order import Order
from stream_processor.core.parcel import Parcel, Ready, Use
from stream_processor.core.rules import told_rules
from stream_processor.core.sensors.live import LiveGate
from stream_processor.core.settings import CoreSettings, make_derivations, make_detectors

CORE_VERSION = 3
_JSON = "application/json"
_encode = msgspec.json.Encoder().encode
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Emit:
    """An event for a topic. `event` None is a tombstone for `key`."""

    topic: str
    key: str
    event: Event | None


class Core:
    """The state of one partition."""

    def __init__(self, city: City, settings: CoreSettings, partition: int) -> None:
        self._city = city
        self._settings = settings
        self._partition = partition
        self._future_ms = round(settings.future_s * 1000)
        self._detectors = make_detectors(settings, city)
        self._derived = DerivedSeries(make_derivations(settings, city))
        self._order = Order(round(settings.lateness_s * 1000))
        self._gate = LiveGate(city, settings.sensors)
        rules = {name: rule for rules in (self._gate.rules, *(d.rules for d in self._detectors)) for name, rule in rules.items()}
        self._alarms = Alarms(city, rules, settings.alarms, round(settings.lateness_s * 1000))
        self._counts: Counter[str] = Counter()
        self._pending: list[Ready] = []

    @property
    def now_ms(self) -> int | None:
        """The newest tick."""
        return self._order.now_ms

    def step(self, events: Sequence[Event]) -> list[Emit]:
        """What follows from `events`, which stand in the log in this order."""
        out: list[Emit] = []
        for event in events:
            try:
                out += self._take(event)
            except Rejected as err:
                out.append(self._dead(event, err))
        out += self._flush()
        return out

    def _take(self, event: Event) -> Iterator[Emit]:
        kind = event.type
        if kind in (EventType.READINGS, EventType.SAMPLES):
            yield from self._take_items(event)
        elif kind == EventType.TICK:
            yield from self._take_tick(_decoded(event, Tick).at_ms)
        elif kind == EventType.GAP:
            gap = _decoded(event, Gap)
            self._pending += self._order.gap(event.device, gap.boot, gap.first_seq, gap.last_seq)
        elif kind == EventType.COMMAND:
            command = _decoded(event, Command)
            yield from self._flush()
            yield from self._alarm_emits(self._alarms.command(command))
        elif kind == EventType.STATUS:
            yield from self._alarm_emits(self._alarms.status(event.device, _decoded(event, Status), self.now_ms or event.at_ms))
        else:
            raise Rejected("unknown_type", kind[:80])

    def _take_items(self, event: Event) -> Iterator[Emit]:
        if event.device not in self._city.devices:
            raise Rejected("unknown_device", event.device[:63])
        items = packed.decode(event.data) if event.type == EventType.READINGS else samples.decode(event.data)
        self._counts["readings" if event.type == EventType.READINGS else "samples"] += len(items)
        if not len(items):
            return
        parcel = Parcel.of(event.device, event.boot, event.seq, items)
        for part, in_future in self._split_future(parcel):
            if in_future:
                self._order.tally.add("future", part)
                reason = f"{part.first_ms} is more than {self._future_ms // 1000} s after the last tick {self.now_ms}"
                yield self._dead(event, Rejected("future", reason))
                if part.boot:
                    self._pending += self._order.gap(part.device, part.boot, part.seq, part.last)
            else:
                self._pending += self._order.push(part)

    def _split_future(self, parcel: Parcel) -> Iterator[tuple[Parcel, bool]]:
        if self.now_ms is None:
            yield parcel, False
            return
        for part, is_old in parcel.split_by_age(self.now_ms + self._future_ms + 1):
            yield part, not is_old

    def _take_tick(self, at_ms: int) -> Iterator[Emit]:
        if self.now_ms is not None and at_ms <= self.now_ms:
            return
        yield from self._flush()
        self._pending += self._order.tick(at_ms)
        yield from self._flush()
        verdicts = [*self._gate.tick(at_ms), *(v for d in self._detectors for v in d.tick(at_ms))]
        yield from self._alarm_emits(self._alarms.judge(verdicts))
        yield from self._alarm_emits(self._alarms.tick(at_ms))
        yield from self._observed(self._derived.tick(at_ms))
        for dead in self._alarms.forget(at_ms):
            yield Emit(ALARMS, dead, None)
        counts = dict(sorted((self._counts + self._order.tally.totals).items()))
        report = Report(at_ms, self._partition, counts)
        yield Emit(OBSERVATIONS, f"p{self._partition}", self._event(EventType.REPORT, at_ms, _encode(report)))
        for rows in self._order.tally.tick(at_ms):
            account = _encode(DeviceHours(at_ms, self._partition, tuple(rows)))
            yield Emit(OBSERVATIONS, f"p{self._partition}", self._event(EventType.DEVICE_HOURS, at_ms, account))

    def _flush(self) -> Iterator[Emit]:
        if not self._pending:
            return
        ready, self._pending = self._pending, []
        yield from self._observed(observations([r for r in ready if r.use is not Use.JUDGE]))
        batch = judged_batch([r.parcel for r in ready if r.use in (Use.BOTH, Use.JUDGE)])
        batch, set_apart, of_sensors = self._gate.take(batch)
        late, late_apart = self._gate.late(judged_batch([r.parcel for r in ready if r.use is Use.LATE]))
        yield from self._observed(iter([*set_apart, *late_apart]))
        verdicts: list[Verdict] = [*of_sensors, *(v for d in self._detectors for v in d.judge(batch))]
        yield from self._alarm_emits(self._alarms.judge(verdicts))
        yield from self._observed(self._derived.take(batch, late))

    def rules(self, at_ms: int) -> Emit:
        """What is judged by, for people to read."""
        told = Rules(at_ms, self._partition, told_rules(self._detectors, self._gate.rules, self._settings))
        return Emit(RULES, f"p{self._partition}", self._event(EventType.RULES, at_ms, _encode(told)))

    def carry_over(self, told: Sequence[Alarm]) -> list[Emit]:
        """After a replay under other rules: `told` are the alarms as they were told before; what follows is to be told now."""
        return [] if self.now_ms is None else list(self._alarm_emits(self._alarms.carry_over(told, self.now_ms)))

    def is_of_other_rules(self, told: Sequence[Alarm]) -> bool:
        """Whether an open alarm among `told` was raised by another version of its rule."""
        return self._alarms.is_of_other_rules(told)

    def _observed(self, payloads: Iterator[tuple[bytes, str, int]]) -> Iterator[Emit]:
        for data, content_type, newest_ms in payloads:
            yield Emit(OBSERVATIONS, f"p{self._partition}", self._event(EventType.OBSERVATIONS, newest_ms, data, content_type))

    def _alarm_emits(self, transitions: Iterator[AlarmEvent]) -> Iterator[Emit]:
        for transition in transitions:
            alarm = transition.alarm
            yield Emit(ALARM_EVENTS, alarm.area, self._event(EventType.ALARM_EVENT, transition.at_ms, _encode(transition)))
            if transition.transition != "refused":
                yield Emit(ALARMS, alarm.id, self._event(EventType.ALARM, transition.at_ms, _encode(alarm)))

    def _dead(self, event: Event, err: Rejected) -> Emit:
        self._counts["rejected"] += 1
        letter = DeadLetter(err.code, err.detail, INPUTS, event.source, event.at_ms, len(event.data), event.data[:65_536])
        return Emit(DEAD_LETTER, event.area, self._event(EventType.DEAD_LETTER, event.at_ms, _encode(letter)))

    def _event(self, kind: EventType, at_ms: int, data: bytes, content_type: str = _JSON) -> Event:
        return Event(kind, "saola", f"engine-{self._partition}", "", -1, 1, at_ms, content_type, data)

    def snapshot(self) -> dict[str, Any]:
        """State as plain values (bytes included); `restore` continues exactly."""
        return {
            "counts": dict(self._counts),
            "order": self._order.snapshot(),
            "alarms": self._alarms.snapshot(),
            "detectors": {d.name: d.snapshot() for d in self._detectors},
            "derived": self._derived.snapshot(),
            "sensors": self._gate.snapshot(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a snapshot of the same core version and settings."""
        self._counts = Counter(state["counts"])
        self._order.restore(state["order"])
        self._alarms.restore(state["alarms"])
        for detector in self._detectors:
            detector.restore(state["detectors"][detector.name])
        self._derived.restore(state["derived"])
        self._gate.restore(state["sensors"])


def _decoded(event: Event, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(event.data, type=kind)
    except (msgspec.DecodeError, RecursionError) as err:
        raise Rejected("malformed", f"{event.type}: {err}") from err
