"""Ten thousand random histories with crash points: one open alarm per (rule, subject), and no transition lost or doubled."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator

import msgspec
import pytest

from city_model.events import AlarmEvent, Command
from city_model.faults import Rejected
from city_model.lifecycle import acts
from stream_processor.core.alarms import Alarms
from stream_processor.core.alarms.settings import Delays
from tests.alarms.histories import check
from tests.alarms.making import MINUTE_MS, T0, book, command, status, verdict

HISTORIES = 10_000
_SUBJECTS = (("congestion", "cam-1/north"), ("pm25_1h", "air-1/pm25"), ("silent", "air-2"))
_SETTINGS = {"delays": {"pm25_1h": Delays(60.0, 120.0)}}


def steps(rnd: random.Random, alarms: Alarms) -> Iterator[list[AlarmEvent]]:
    """What happens, in event time; commands are repeated, stale and racing on purpose."""
    known: dict[str, AlarmEvent] = {}
    sent: list[Command] = []
    minute = 0.0
    for _ in range(rnd.randint(8, 24)):
        minute += rnd.choice((0.2, 1, 4, 20))
        out = list(_one(rnd, alarms, minute, list(known.values()), sent))
        known.update({t.alarm.id: t for t in out})
        yield out


def _one(rnd: random.Random, alarms: Alarms, minute: float, known: list[AlarmEvent], sent: list[Command]) -> Iterator[AlarmEvent]:
    what = rnd.random()
    if what < 0.5:
        rule, subject = rnd.choice(_SUBJECTS)
        yield from alarms.judge([verdict(rnd.choice(("onset", "clear", "onset", "worse")), minute, rule, subject)])
    elif what < 0.65:
        yield from alarms.tick(T0 + round(minute * MINUTE_MS))
    elif what < 0.7:
        yield from alarms.status("gate", status(rnd.choice(("online", "offline")), minute), T0 + round(minute * MINUTE_MS))
    elif sent and what < 0.75:
        yield from alarms.command(rnd.choice(sent))
    elif known:
        alarm = rnd.choice(known).alarm
        until = T0 + round(minute * MINUTE_MS) + 3_600_000
        asked = command(rnd.choice(list(acts())), alarm, minute, rnd.choice("AB"), note="vì thử", to="C", until_ms=until)  # type: ignore[arg-type]  # names of the table
        sent.append(asked)
        try:
            yield from alarms.command(asked)
        except Rejected:
            pytest.fail("the alarm was known")


def crash(alarms: Alarms) -> Alarms:
    """The state goes through a snapshot, as after a restart."""
    again = book(**_SETTINGS)
    again.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(alarms.snapshot())))
    return again


class Crashing:
    """A book that is restored from its snapshot before each call, now and then."""

    def __init__(self, rnd: random.Random) -> None:
        self._alarms, self._rnd = book(**_SETTINGS), rnd

    def __getattr__(self, name: str) -> object:
        if self._rnd.random() < 0.3:
            self._alarms = crash(self._alarms)
        return getattr(self._alarms, name)


def test_random_histories_keep_every_promise_whether_it_crashes_or_not() -> None:
    seen: Counter[str] = Counter()
    for seed in range(HISTORIES):
        plain = [t for out in steps(random.Random(seed), book(**_SETTINGS)) for t in out]
        check(plain)
        seen.update(t.transition for t in plain)
        if seed % 5 == 0:
            crashing = Crashing(random.Random(-seed - 1))
            crashed = [t for out in steps(random.Random(seed), crashing) for t in out]  # type: ignore[arg-type]  # a book, through a crash
            assert [_told(t) for t in crashed] == [_told(t) for t in plain]
    assert min(seen[word] for word in ("recurred", "closed", "escalated", "suppressed", "unshelved", "refused", "unrejected")) > 50


def _told(t: AlarmEvent) -> AlarmEvent:
    """Without the ids that tests give to commands: they count through the process."""
    return msgspec.structs.replace(t, command_id="")
