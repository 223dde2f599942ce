"""Verdicts, commands and a book of alarms for tests."""

from __future__ import annotations

import itertools
from typing import Any, Literal

from city_model.events import Alarm, Command, CommandKind, Status
from city_model.registry import Area, City, Device, Direction, Site
from stream_processor.core.alarms import Alarms, AlarmSettings
from stream_processor.core.detectors.port import Rule, Verdict

T0 = 1_795_600_800_000
MINUTE_MS = 60_000
RULES = {
    "congestion": Rule("congestion", "1+x", "congestion", "high", "km/h"),
    "pm25_1h": Rule("pm25_1h", "1+x", "pollution", "medium", "ug/m3"),
    "silent": Rule("silent", "1+x", "maintenance", "low", "s"),
}
CITY = City(
    "Thành phố thử", "Test city", area=(Area("corridor"), Area("airshed")),
    site=(Site("s1", "corridor", "Ngã tư", "Junction", 11.0, 106.6), Site("s2", "airshed", "Trạm", "Station", 11.1, 106.7)),
    device=(
        Device("gate", "s2", "agent"),
        Device("cam-1", "s1", "camera", directions=(Direction("north"), Direction("south"))),
        *(Device(f"air-{i}", "s2", "air", "gate", quantities=("pm25",)) for i in range(1, 9)),
    ),
)  # fmt: skip
_ids = itertools.count()


def book(**settings: Any) -> Alarms:  # noqa: ANN401
    return Alarms(CITY, RULES, AlarmSettings(**settings), lateness_ms=120_000)


def verdict(
    kind: Literal["onset", "worse", "clear"], minute: float, rule: str = "congestion", subject: str = "cam-1/north", value: float = 9.0
) -> Verdict:
    """Of the device that the subject names, `minute` after T0."""
    at_ms = T0 + round(minute * MINUTE_MS)
    return Verdict(kind, rule, subject, subject.split("/")[0], at_ms, at_ms - 2 * MINUTE_MS if kind == "onset" else T0, value, 15.0)


def command(kind: CommandKind, alarm: Alarm | None, minute: float = 1, by: str = "An", **more: Any) -> Command:  # noqa: ANN401
    at_ms = T0 + round(minute * MINUTE_MS)
    alarm_id, version = ("", 0) if alarm is None else (alarm.id, alarm.version)
    return Command(more.pop("id", f"c{next(_ids)}"), kind, alarm_id, version, by, at_ms, **more)


def status(state: Literal["online", "offline"], minute: float) -> Status:
    return Status(state, T0 + round(minute * MINUTE_MS))
