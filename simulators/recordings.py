"""A plan made of real recordings: one camera's clip, one station's CSV, re-dated to now, on a city of their own."""

from __future__ import annotations

from pathlib import Path

from city_model.clock import ManualClock, WallClock
from city_model.quantities import readings_of
from city_model.registry import load_city
from edge_agent.sources.air_csv import AirCsvSource, Redate
from edge_agent.sources.air_map import load_map
from edge_agent.sources.camera import CameraSettings, CameraSource
from simulators.demo import Plan
from simulators.feeds import Feed, SourceFeed
from stream_processor.core.vision.geometry import load_geometry

HISTORY_MS = 36 * 3_600_000  # a 24-hour mean needs 24 hours before it means anything
_STEP_MS = 240_000
_LIVE_MS = 4 * 3_600_000


class LateFeed:
    """A feed that begins when the live part does: a clip has no history."""

    def __init__(self, clip: CameraSource, clock: ManualClock, live_ms: int) -> None:
        self.device = clip.device
        self._clip = clip
        self._clock = clock
        self._live_ms = live_ms
        self._feed: SourceFeed | None = None

    async def until(self, at_ms: int) -> list[object]:
        if at_ms <= self._live_ms:
            return []
        if self._feed is None:
            self._feed = SourceFeed(self._clip, self._clock)
        return list(await self._feed.until(at_ms))

    async def close(self) -> None:
        if self._feed is not None:
            await self._feed.close()


def recorded_plan(
    clock: ManualClock, directory: Path, *, video: Path | None, camera: Path | None, air: Path | None, air_map: Path | None, speed: float
) -> Plan:
    """Raises ConfigError for files that cannot be used. No `camera`: the whole picture is road; no `air_map`: columns go by name."""
    now_ms = WallClock().now_ms() // _STEP_MS * _STEP_MS
    begin_ms = now_ms - (HISTORY_MS if air else _STEP_MS)
    clock.advance_to(begin_ms)
    city_path = directory / "city.toml"
    city_path.write_text(_registry(video, camera, air), encoding="utf-8")
    city = load_city(city_path)
    feeds: list[Feed] = []
    if video is not None:
        clip = CameraSource(CameraSettings("camera", file=video, loop=True, geometry=camera), clock, now_ms)
        feeds.append(LateFeed(clip, clock, now_ms))  # type: ignore[arg-type]  # items are what SourceFeed gives
    if air is not None:
        source = AirCsvSource("air", air, load_map(air_map, city.timezone), clock, redate=Redate(now_ms), from_ms=begin_ms + 1)
        feeds.append(SourceFeed(source, clock))
    names = " + ".join(path.name for path in (video, air) if path is not None)
    return Plan(names, city, city_path, feeds, begin_ms, now_ms, now_ms + _LIVE_MS, speed)


def _registry(video: Path | None, camera: Path | None, air: Path | None) -> str:
    lines = ['name_vi = "Bản ghi thật"', 'name_en = "Recordings"']
    lines += ["[[area]]", 'id = "recording"', 'vi = "Bản ghi"', 'en = "Recording"']
    lines += [*_site("site", "Nơi ghi", "Recording", 10.98), "[[device]]", 'id = "agent"', 'site = "site"', 'kind = "agent"']
    if video is not None:
        directions = ", ".join(
            f'{{id = "{d}", vi = "{d}", en = "{d}"}}' for d in (way.direction for way in load_geometry(camera).carriageways)
        )
        lines += _site("camera-site", video.stem, video.stem, 10.985)
        lines += [
            "[[device]]",
            'id = "camera"',
            'site = "camera-site"',
            'kind = "camera"',
            'agent = "agent"',
            f"directions = [{directions}]",
        ]
    if air is not None:
        quantities = ", ".join(f'"{name}"' for name in sorted(readings_of("air")))
        lines += _site("air-site", air.stem, air.stem, 10.975)
        lines += ["[[device]]", 'id = "air"', 'site = "air-site"', 'agent = "agent"', f"quantities = [{quantities}]"]
    return "\n".join(lines) + "\n"


def _site(name: str, vi: str, en: str, latitude: float) -> list[str]:
    vi, en = (text.replace("\\", "").replace('"', "")[:100] for text in (vi, en))
    place = [f"latitude = {latitude}", "longitude = 106.65"]
    return ["[[site]]", f'id = "{name}"', 'area = "recording"', f'vi = "{vi}"', f'en = "{en}"', *place]
