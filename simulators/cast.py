"""From a story to its feeds: models, drawing cameras, faults."""

from __future__ import annotations

from pathlib import Path

from city_model.clock import ManualClock
from edge_agent.sources.camera import CameraSettings, CameraSource
from simulators.faults import FaultyFeed, Span
from simulators.feeds import AirFeed, CameraFeed, Feed, SourceFeed
from simulators.road.camera import geometry_toml
from simulators.stage import air_model, drawn_windows, frames_spec, road_model
from simulators.story import Story


def cast(story: Story, clock: ManualClock, directory: Path) -> list[Feed]:
    """A feed for every device that plays, from the beginning of the story's history to its end."""
    air = air_model(story)
    feeds: list[Feed] = [AirFeed(air, part.device, story.begin_ms) for part in story.air]
    feeds += [_camera_feed(story, part.device, clock, directory) for part in story.camera]
    return [FaultyFeed(feed, spans) if (spans := feed_faults(story, feed.device)) else feed for feed in feeds]


def feed_faults(story: Story, device: str) -> list[Span]:
    """What the device itself does wrong."""
    return [span for span in _faults(story, device) if span.kind != "duplicate"]


def repeats(story: Story) -> dict[str, list[Span]]:
    """Whose messages are sent twice, and when."""
    by_device = {fault.device: [s for s in _faults(story, fault.device) if s.kind == "duplicate"] for fault in story.fault}
    return {device: spans for device, spans in by_device.items() if spans}


def _faults(story: Story, device: str) -> list[Span]:
    return [
        Span(f.kind, story.at_ms(f.from_min), story.at_ms(f.to_min), round(f.hold_s * 1000), round(f.offset_s * 1000), f.share)
        for f in story.fault
        if f.device == device
    ]


def _camera_feed(story: Story, device: str, clock: ManualClock, directory: Path) -> CameraFeed:
    def draw(start_ms: int, stop_ms: int) -> SourceFeed:
        spec = frames_spec(story, device, start_ms, stop_ms)
        geometry = directory / f"{device}.toml"
        geometry.write_text(geometry_toml(spec), encoding="utf-8")
        settings = CameraSettings(device, geometry=geometry, sample_every_s=story.sample_s, frames="simulators.road.draw:frames", spec=spec)
        return SourceFeed(CameraSource(settings, clock, start_ms), clock)

    return CameraFeed(device, road_model(story, device), story.begin_ms, story.sample_s, drawn_windows(story, device), draw)
