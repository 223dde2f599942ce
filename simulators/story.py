"""One story: a city, a seed, what happens when, what the devices do wrong, and which alarms must come of it.

A file `scenarios/<name>.toml`. Times are minutes after the live part begins: negative minutes are history, which is fed first through the
same path. Lists name devices of the city's registry. See `scenarios/rush_hour.toml` for all of it with comments.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from city_model.faults import ConfigError, Problem
from city_model.registry import City, Device, load_city
from city_model.settings import between, from_table, matching, read_toml
from simulators.road.flow import CURVES

SCENARIOS = Path(__file__).parent / "scenarios"
MINUTE_MS = 60_000
_EARLIEST_MIN, _LATEST_MIN = -48 * 60.0, 48 * 60.0
_Problem = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class JamPart:
    """One direction runs at about `speed_kmh` from `from_min` until `to_min`, then dissolves."""

    direction: str
    from_min: float = between(_EARLIEST_MIN, _LATEST_MIN)
    to_min: float = between(_EARLIEST_MIN, _LATEST_MIN)
    speed_kmh: float = between(2, 15, default=5.0)


@dataclass(frozen=True, slots=True)
class CameraPart:
    """A camera. `peak_veh_h` is the demand at the curve's peak, in the order of the device's directions in the registry.

    In the `drawn` windows the camera sees pictures of `width` x `height` at `fps`, and vision makes the samples;
    otherwise the samples are the model's own.
    """

    device: str
    curve: str = "rush_hour"
    peak_veh_h: tuple[float, ...] = (5000.0, 5000.0)
    free_kmh: float = between(5, 80, default=35.0)
    jam: tuple[JamPart, ...] = ()
    drawn: tuple[tuple[float, float], ...] = ()
    fps: float = between(1, 30, default=10.0)
    width: int = between(64, 1920, default=320)
    height: int = between(48, 1080, default=240)


@dataclass(frozen=True, slots=True)
class AirPart:
    """An air station; `pm25` is its usual daily mean, ug/m3."""

    device: str
    pm25: float = between(0, 500, default=25.0)


@dataclass(frozen=True, slots=True)
class WindPart:
    """Where the wind comes from and how fast."""

    from_deg: float = between(0, 360, default=120.0)
    speed_m_s: float = between(0.5, 30, default=3.0)


@dataclass(frozen=True, slots=True)
class PlumePart:
    """Smoke: where it burns, when, and the rise of PM2.5 on its axis 1 km downwind, ug/m3."""

    latitude: float = between(-90, 90)
    longitude: float = between(-180, 180)
    from_min: float = between(_EARLIEST_MIN, _LATEST_MIN)
    to_min: float = between(_EARLIEST_MIN, _LATEST_MIN)
    pm25_at_1km: float = between(0, 5000, default=200.0)


@dataclass(frozen=True, slots=True)
class FaultPart:
    """What a device does wrong from `from_min` until `to_min`.

    `delay`: what it measures is held and delivered `hold_s` late, in order. `duplicate`: `share` of its messages is sent again, `hold_s`
    later. `silent`: it sends nothing. `clock`: its times are `offset_s` off. `stuck`: it repeats its last value.
    """

    device: str
    kind: Literal["delay", "duplicate", "silent", "clock", "stuck"]
    from_min: float = between(_EARLIEST_MIN, _LATEST_MIN)
    to_min: float = between(_EARLIEST_MIN, _LATEST_MIN)
    hold_s: float = between(0, 86_400, default=0.0)
    share: float = between(0, 1, default=1.0)
    offset_s: float = between(-86_400, 86_400, default=0.0)


@dataclass(frozen=True, slots=True)
class ExpectPart:
    """An alarm that must come: which rule and subject, opened and cleared within these minutes; no `cleared_min`: it stays open.

    No other alarm may come.
    """

    rule: str
    subject: str
    opened_min: tuple[float, float]
    cleared_min: tuple[float, float] | None = None


@dataclass(frozen=True)
class Story:
    """A scenario file. `start` is the local time at which the live part begins; `city` is a path beside the file."""

    title_vi: str
    title_en: str
    seed: int
    city: str
    start: datetime
    live_min: float = between(1, _LATEST_MIN)
    history_min: float = between(0, 47 * 60, default=0.0)
    sample_s: float = between(1, 300, default=5.0)
    speed: float = between(0.1, 10, default=10.0)
    wind: WindPart = WindPart()
    camera: tuple[CameraPart, ...] = ()
    air: tuple[AirPart, ...] = ()
    plume: tuple[PlumePart, ...] = ()
    fault: tuple[FaultPart, ...] = ()
    expect: tuple[ExpectPart, ...] = ()
    name: str = matching(r"[a-z0-9_]{1,60}", "a-z, 0-9 and _", default="story")
    registry: City = field(init=False, compare=False)

    @property
    def live_ms(self) -> int:
        """When the live part begins."""
        return round(self.start.replace(tzinfo=ZoneInfo(self.registry.timezone)).timestamp() * 1000)

    @property
    def begin_ms(self) -> int:
        """When its history begins."""
        return self.at_ms(-self.history_min)

    @property
    def end_ms(self) -> int:
        """When it is over."""
        return self.at_ms(self.live_min)

    @property
    def utc_offset_s(self) -> int:
        """Of the city, seconds east of Greenwich, when the live part begins."""
        offset = self.start.replace(tzinfo=ZoneInfo(self.registry.timezone)).utcoffset()
        return round((offset or timedelta()).total_seconds())

    def at_ms(self, minutes: float) -> int:
        """Unix time of so many minutes after the live part begins."""
        return self.live_ms + round(minutes * MINUTE_MS)

    def check(self) -> Iterator[_Problem]:
        """What needs no registry: order of times, known curves, each device once."""
        if self.start.tzinfo is not None:
            yield "start", self.start.isoformat(), "a local time without an offset"
        names = [*(c.device for c in self.camera), *(a.device for a in self.air)]
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield f"device {name}", f"stands {names.count(name)} times", "each device once"
        for camera in self.camera:
            yield from _check_camera(camera)
        spans = [*((f"plume[{i}]", p.from_min, p.to_min) for i, p in enumerate(self.plume))]
        spans += [(f"fault[{i}]", f.from_min, f.to_min) for i, f in enumerate(self.fault)]
        for key, from_min, to_min in spans:
            yield from _in_order(f"{key}.to_min", from_min, to_min)
        for i, wanted in enumerate(self.expect):
            yield from _in_order(f"expect[{i}].opened_min", *wanted.opened_min)
            if wanted.cleared_min is not None:
                yield from _in_order(f"expect[{i}].cleared_min", *wanted.cleared_min)

    def check_devices(self) -> Iterator[_Problem]:
        """What the registry knows: that devices exist, are of that kind, and have those directions."""
        devices = self.registry.devices
        for camera in self.camera:
            yield from _check_device(devices, f"camera {camera.device}", camera.device, "camera")
            known = [d.id for d in devices[camera.device].directions] if camera.device in devices else []
            if known and len(camera.peak_veh_h) != len(known):
                yield f"camera {camera.device}.peak_veh_h", f"{len(camera.peak_veh_h)} values", f"{len(known)}: one for each direction"
            for jam in camera.jam:
                if known and jam.direction not in known:
                    yield f"camera {camera.device}.jam.direction", repr(jam.direction), "one of " + ", ".join(known)
        for air in self.air:
            yield from _check_device(devices, f"air {air.device}", air.device, "air")
        playing = {*(c.device for c in self.camera), *(a.device for a in self.air)}
        for i, fault in enumerate(self.fault):
            if fault.device not in playing:
                yield f"fault[{i}].device", repr(fault.device), "a device that plays in this story"
        for i, wanted in enumerate(self.expect):
            if wanted.subject.partition("/")[0] not in playing:
                yield f"expect[{i}].subject", repr(wanted.subject), "<device>/<direction or quantity> of a device that plays in this story"


def _check_camera(camera: CameraPart) -> Iterator[_Problem]:
    key = f"camera {camera.device}"
    if camera.curve not in CURVES:
        yield f"{key}.curve", repr(camera.curve), "one of " + ", ".join(sorted(CURVES))
    if not all(0 <= peak <= 20_000 for peak in camera.peak_veh_h):
        yield f"{key}.peak_veh_h", str(list(camera.peak_veh_h)), "0..20000 each"
    for jam in camera.jam:
        yield from _in_order(f"{key}.jam.to_min", jam.from_min, jam.to_min)
    for window in camera.drawn:
        yield from _in_order(f"{key}.drawn", *window)


def _check_device(devices: dict[str, Device], key: str, device: str, kind: str) -> Iterator[_Problem]:
    if device not in devices or devices[device].kind != kind:
        expected = ", ".join(sorted(d.id for d in devices.values() if d.kind == kind))
        yield key, "no such device in the city", f"a {kind} device: {expected}"


def _in_order(key: str, from_min: float, to_min: float) -> Iterator[_Problem]:
    if to_min <= from_min:
        yield key, f"{from_min:g} to {to_min:g}", "an end after its beginning"


def story_names(folder: Path = SCENARIOS) -> tuple[str, ...]:
    """The stories in `folder`, by name."""
    return tuple(sorted(path.stem for path in folder.glob("*.toml")))


def load_story(name_or_path: str | Path) -> Story:
    """A story by name, or by the path of its file, with its city. Raises ConfigError with all problems of both."""
    path = _find(name_or_path)
    problems: list[Problem] = []
    story = city = None
    table = read_toml(path)
    try:
        story = from_table(Story, {"name": path.stem, **table}, str(path))
    except ConfigError as err:
        problems += err.problems
    if isinstance(table.get("city"), str):
        try:
            city = load_city(path.parent / table["city"])
        except ConfigError as err:
            problems += err.problems
    if story is None or city is None:
        raise ConfigError(problems)
    object.__setattr__(story, "registry", dataclasses.replace(city, path=path.parent / story.city))
    problems += [Problem(str(path), key, found, expected) for key, found, expected in story.check_devices()]
    if problems:
        raise ConfigError(problems)
    return story


def _find(name_or_path: str | Path) -> Path:
    path = Path(name_or_path)
    if path.suffix == ".toml":
        return path
    if str(name_or_path) in story_names():
        return SCENARIOS / f"{name_or_path}.toml"
    raise ConfigError([Problem("scenarios", str(name_or_path), "no such scenario", "one of " + ", ".join(story_names()))])
