"""The facts that travel. Everything that goes over MQTT or stands in the log is an `Event`; its `data` is one of the rest.

An event is one batch of one device: `count` items (readings or traffic samples) with the sequence numbers
`seq … seq + count - 1` of that device's `boot`. A sender without a sequence says `boot = ""` and `seq = -1`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

AlarmKind = Literal["congestion", "pollution", "stopped_vehicle", "wrong_way", "incident", "maintenance"]
"""What an alarm is about. `maintenance` is for technicians (a sick sensor or camera, a gateway down), never for the road or air desk."""


class EventType(StrEnum):
    """CloudEvents `type`; the version is part of the name."""

    READINGS = "city.saola.readings.v1"
    SAMPLES = "city.saola.samples.v1"
    FRAME = "city.saola.frame.v1"
    GAP = "city.saola.gap.v1"
    STATUS = "city.saola.status.v1"
    TICK = "city.saola.tick.v1"
    COMMAND = "city.saola.command.v1"
    OBSERVATIONS = "city.saola.observations.v1"
    REPORT = "city.saola.report.v1"
    DEVICE_HOURS = "city.saola.device-hours.v1"
    RULES = "city.saola.rules.v1"
    ALARM_EVENT = "city.saola.alarm-event.v1"
    ALARM = "city.saola.alarm.v1"
    DEAD_LETTER = "city.saola.dead-letter.v1"


@dataclass(frozen=True, slots=True)
class Event:
    """Who (site, device), which (boot, seq), when (`at_ms`, event time of the newest item), what (`data`)."""

    type: str
    site: str
    device: str
    boot: str
    seq: int
    count: int
    at_ms: int
    content_type: str
    data: bytes
    area: str = ""
    recorded_ms: int = 0

    @property
    def id(self) -> str:
        """CloudEvents id, unique within the source."""
        return f"{self.boot}-{self.seq}" if self.boot else f"t{self.at_ms}"

    @property
    def source(self) -> str:
        """CloudEvents source: /site/device."""
        return f"/{self.site}/{self.device}"


@dataclass(frozen=True, slots=True)
class Readings:
    """Columns of `n` readings: which series (index into `names`), when (ms), how much. Arrays have shape (n,)."""

    names: tuple[str, ...]
    name_index: NDArray[np.uint16]
    at_ms: NDArray[np.int64]
    value: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.at_ms)


class CameraEvent(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One change that a camera saw: something began, or ended. Figures say how much; an event says that, where and since when.

    `value`: state: free, slow, jam or unknown, from now on; health: the word of the fault; stopped_vehicle, wrong_way: empty.
    `id` is the same for the beginning and the end, unique per camera, direction and kind. `began_ms` is when it began to be so
    (a stopped vehicle's stop), `at_ms` when that became certain. `box` is [left, top, right, bottom] as shares of the picture.
    An empty `direction` is the whole camera.
    """

    kind: Literal["stopped_vehicle", "wrong_way", "state", "health"]
    phase: Literal["begin", "end"]
    id: int
    at_ms: int
    began_ms: int
    confidence: float
    direction: str = ""
    value: str = ""
    dwell_s: float = 0.0
    box: tuple[float, float, float, float] | None = None


class TrafficSample(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one camera saw of one direction over `span_s` seconds ending at `at_ms`.

    `speed_kmh` is the space-mean speed, `speed_basis` says where its scale comes from: "homography" (calibrated),
    "lane_width" (road width in the picture over the lanes' standard width) or "none" (then it is None and `speed_px_s` is all there is).
    `area_occupancy` is the share of road surface covered, 0..1. `flow_pcu_h` uses the factor table `pcu_version`.
    `health` other than "ok" means that the figures say nothing about the road.

    What follows is absent (UNSET) where the sender does not say it: `state` is the congestion state at the end of the span, "unknown" where
    nothing is known; `queue_m` (calibrated) or `queue_px` (pixels of the frame, along the travel) the length of the standing queue then;
    `stopped` how many vehicles stand alone on the live carriageway; `wrong_way` how many drove against it during the span; `events` what
    began or ended during the span, in order.
    """

    at_ms: int
    span_s: float
    direction: str
    two_wheelers: int
    cars: int
    large: int
    flow_pcu_h: float
    area_occupancy: float
    confidence: float
    speed_kmh: float | None = None
    speed_px_s: float | None = None
    speed_basis: Literal["homography", "lane_width", "none"] = "none"
    pcu_version: str = "tcvn4054-2005"
    health: str = "ok"
    state: Literal["free", "slow", "jam", "unknown"] | msgspec.UnsetType = msgspec.UNSET
    queue_m: float | msgspec.UnsetType = msgspec.UNSET
    queue_px: float | msgspec.UnsetType = msgspec.UNSET
    stopped: int | msgspec.UnsetType = msgspec.UNSET
    wrong_way: int | msgspec.UnsetType = msgspec.UNSET
    events: tuple[CameraEvent, ...] | msgspec.UnsetType = msgspec.UNSET


class Gap(msgspec.Struct, frozen=True):
    """What travels in place of events that the outbox had to give up: (boot, first_seq..last_seq), how many, why."""

    boot: str
    first_seq: int
    last_seq: int
    count: int
    reason: str


class Tick(msgspec.Struct, frozen=True):
    """Time, as data: everything up to `at_ms` that was not late has been written before this."""

    at_ms: int


CommandKind = Literal[
    "acknowledge", "assign", "release", "reject", "unreject", "shelve", "unshelve", "note", "end_incident",
    "open_incident", "out_of_service", "in_service",
]  # fmt: skip
"""On an alarm (rows of `lifecycle.toml`), or on a site (`open_incident`) or device (`out_of_service`, `in_service`)."""


class Command(msgspec.Struct, frozen=True):
    """An operator's act. `id` makes it idempotent; `version` is the alarm version it was based on (0 where it concerns no alarm).

    `to`: whom an alarm is assigned to. `until_ms`: end of shelving. `subject`: the site of `open_incident`, the device of
    `out_of_service` and `in_service`. `priority`: of an incident.
    """

    id: str
    kind: CommandKind
    alarm_id: str
    version: int
    by: str
    at_ms: int
    note: str = ""
    to: str = ""
    until_ms: int = 0
    subject: str = ""
    priority: Literal["high", "medium", "low"] = "medium"


class AckRange(msgspec.Struct, frozen=True):
    """The bridge's word on `first..last` of a boot: durable in the log (`stored`) or as a dead letter (`rejected`, why)."""

    boot: str
    first: int
    last: int
    verdict: Literal["stored", "rejected"]
    reason: str = ""


class Ack(msgspec.Struct, frozen=True):
    """Application acknowledgement to one device."""

    ranges: tuple[AckRange, ...]


class Status(msgspec.Struct, frozen=True):
    """Retained status of an agent or device; the Will says `offline`."""

    state: Literal["online", "offline", "fault"]
    at_ms: int
    boot: str = ""
    version: str = ""
    outbox_items: int = 0
    detail: str = ""


class Alarm(msgspec.Struct, frozen=True):
    """One episode: from onset over its worst moment to its end, and who answers for it. `version` counts its transitions.

    Three sides change independently (`city_model.lifecycle`): `condition`, `response`, `display`. `settled_version` is the newest
    version that a person must have seen to act: what the road does meanwhile makes no command stale. `suppressed_by` names what hides it by
    design. `acknowledged_by` took it first, `responded_by` answered last. `recurrences` counts returns within the re-alarm interval;
    `group` is the cause it shares with other alarms; `closed_ms` ends the episode, `closed_as` says how. `title` is what the reporter of
    an incident wrote.
    """

    id: str
    rule: str
    rule_version: str
    kind: AlarmKind
    subject: str
    device: str
    site: str
    area: str
    priority: Literal["high", "medium", "low"]
    onset_ms: int
    opened_ms: int
    value: float
    unit: str
    threshold: float
    worst_value: float
    worst_ms: int
    confidence: float
    evidence: dict[str, float]
    condition: Literal["active", "returned"] = "active"
    response: Literal["new", "acknowledged", "assigned", "rejected"] = "new"
    cleared_ms: int | None = None
    acknowledged_by: str = ""
    acknowledged_ms: int | None = None
    version: int = 1
    display: Literal["shown", "shelved", "suppressed"] = "shown"
    settled_version: int = 1
    responded_by: str = ""
    assigned_to: str = ""
    shelved_until_ms: int | None = None
    suppressed_by: tuple[str, ...] = ()
    reason: str = ""
    recurrences: int = 0
    escalation: int = 0
    group: str = ""
    title: str = ""
    closed_ms: int | None = None
    closed_as: Literal["", "acknowledged", "unacknowledged", "rejected"] = ""


Transition = Literal[
    "opened", "worsened", "cleared", "recurred", "escalated", "suppressed", "unsuppressed", "closed",
    "acknowledged", "assigned", "released", "rejected", "unrejected", "shelved", "unshelved", "noted", "refused",
]  # fmt: skip


class AlarmEvent(msgspec.Struct, frozen=True):
    """One transition of an alarm, with who, when and why; `alarm` is the state after it. `code` is a refusal's reason, for programs."""

    transition: Transition
    at_ms: int
    by: str
    why: str
    alarm: Alarm
    command_id: str = ""
    code: str = ""


class DeadLetter(msgspec.Struct, frozen=True):
    """What could not be used, kept with the reason. `data` holds at most the first 64 KiB of `size_bytes`."""

    code: str
    reason: str
    topic: str
    source: str
    at_ms: int
    size_bytes: int
    data: bytes


class Report(msgspec.Struct, frozen=True):
    """The engine's account of one partition, written to `observations` at every tick. Counts are cumulative since the log began.

    Keys of `counts`: readings, samples, duplicates, late, future, gaps, rejected.
    """

    at_ms: int
    partition: int
    counts: dict[str, int]


class DeviceHour(msgspec.Struct, frozen=True, array_like=True):
    """Items of one device in the hour of event time that starts at `hour_ms`, as increments: add the rows of an hour up.

    `received` holds all that were taken in, duplicates and late ones too; `missing` are sequence numbers nobody waits for any longer;
    `future` were set aside.
    """

    device: str
    hour_ms: int
    received: int
    duplicates: int
    late: int
    missing: int
    future: int


class DeviceHours(msgspec.Struct, frozen=True):
    """What the engine counted since the last such account, written to `observations` by the first tick of an hour."""

    at_ms: int
    partition: int
    rows: tuple[DeviceHour, ...]


class RuleSetting(msgspec.Struct, frozen=True):
    """A setting of a rule by its name in `core.toml`, its value as text, and where that comes from."""

    name: str
    value: str
    origin: Literal["default", "core.toml"]


class RuleTold(msgspec.Struct, frozen=True):
    """A rule as a worker judges by it. `source`: the table of `core.toml` that its settings stand in."""

    name: str
    version: str
    kind: AlarmKind
    priority: Literal["high", "medium", "low"]
    unit: str
    source: str
    settings: tuple[RuleSetting, ...]


class Rules(msgspec.Struct, frozen=True):
    """All rules of the worker that took a partition over, written to `rules` when it did."""

    at_ms: int
    partition: int
    rules: tuple[RuleTold, ...]
