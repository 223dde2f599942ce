"""The camera source: a clip re-dated to the clock, a child that may die, and nothing that ends the source but the end of the recording."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
import pytest

from city_model.clock import ManualClock, ScaledClock
from city_model.events import TrafficSample
from city_model.faults import ConfigError
from city_model.settings import from_table
from edge_agent.sources.camera import CameraSettings, CameraSource
from edge_agent.sources.port import Fault, Frame, Item

START_MS = 1_700_000_000_000
FPS = 10


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """12 s of a bright block that crosses a grey road."""
    path = tmp_path_factory.mktemp("clips") / "road.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), FPS, (160, 120))
    noise = np.random.default_rng(7)
    for k in range(12 * FPS):
        picture = np.clip(noise.normal(90, 4, (120, 160, 3)), 0, 255).astype(np.uint8)
        y = (k * 4) % 120
        picture[y : y + 20, 60:90] = 220
        writer.write(picture)
    writer.release()
    return path


@asynccontextmanager
async def watching(source: CameraSource) -> AsyncIterator[AsyncIterator[Item]]:
    items = cast("Any", source.items())
    try:
        async with aclosing(items):
            yield items
    finally:
        await source.close()


async def everything(source: CameraSource) -> list[Item]:
    async with watching(source) as items:
        return [item async for item in items]


async def test_a_clip_becomes_samples_dated_by_the_clock_and_ends(clip: Path) -> None:
    clock = ScaledClock(START_MS, speed=200)
    got = await everything(CameraSource(CameraSettings("cam-1", file=clip, sample_every_s=2.0), clock, START_MS))
    assert [item.at_ms for item in got if isinstance(item, TrafficSample)] == [START_MS + s * 1000 for s in (2, 4, 6, 8, 10)]
    assert all(isinstance(item, TrafficSample) and item.direction == "all" for item in got)


async def test_no_sample_comes_before_its_time_and_caught_up_waits_for_all_up_to_then(clip: Path) -> None:
    clock = ManualClock(START_MS)
    source = CameraSource(CameraSettings("cam-1", file=clip, sample_every_s=2.0), clock, START_MS)
    got: list[Item] = []

    async def pull() -> None:
        async with watching(source) as items:
            async for item in items:
                got.append(item)

    task = asyncio.create_task(pull())
    for seconds in (1, 4, 9):
        clock.advance_to(START_MS + seconds * 1000)
        await source.caught_up(START_MS + seconds * 1000)
        assert len(got) == seconds // 2
    clock.advance_to(START_MS + 60_000)
    await task
    assert len(got) == 5


async def test_a_looped_clip_goes_on_in_time(clip: Path) -> None:
    clock = ScaledClock(START_MS, speed=200)
    async with watching(CameraSource(CameraSettings("cam-1", file=clip, loop=True), clock, START_MS)) as items:
        got = [await anext(items) for _ in range(6)]
    assert [item.at_ms - START_MS for item in got if isinstance(item, TrafficSample)] == [5000, 10000, 15000, 20000, 25000, 30000]


async def test_frames_are_small_masked_jpegs(clip: Path, tmp_path: Path) -> None:
    geometry = tmp_path / "camera.toml"
    geometry.write_text("frame_size = [160, 120]\nmasks = [[[0, 0], [80, 0], [80, 119], [0, 119]]]\n")
    settings = CameraSettings("cam-1", file=clip, send="frames", frame_every_s=1.0, geometry=geometry)
    got = await everything(CameraSource(settings, ScaledClock(START_MS, speed=200), START_MS))
    assert [item.at_ms - START_MS for item in got] == [k * 1000 for k in range(12)]
    for item in got:
        assert isinstance(item, Frame)
        picture = cv2.imdecode(np.frombuffer(item.jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
        assert picture is not None
        assert picture.shape == (120, 160)
        assert picture[:, :60].mean() < 10 < picture[:, 100:].mean()


async def test_drawn_frames_come_from_the_factory_that_is_named() -> None:
    settings = CameraSettings("cam-1", sample_every_s=2.0, frames="tests.edge.children:frames", spec={"stop_ms": 6200})
    got = await everything(CameraSource(settings, ScaledClock(0, speed=200)))
    assert [item.at_ms for item in got] == [2000, 4000, 6000]


async def test_a_dying_child_is_a_fault_and_the_next_goes_on_behind_the_place() -> None:
    """The first child dies at 5 s having measured up to there; the second does not get further; the third skips ahead."""
    spec = {"stop_ms": 20_000, "abort_at_ms": 5000}
    source = CameraSource(CameraSettings("cam-1", frames="tests.edge.children:frames", spec=spec, sample_every_s=2.0), ScaledClock(0, 200))
    async with watching(source) as items:
        got = [await anext(items) for _ in range(4)]
    assert [(type(i), i.at_ms) for i in got[:2]] == [(TrafficSample, 2000), (TrafficSample, 4000)]
    assert [i.reason for i in got[2:] if isinstance(i, Fault)] == ["decoder died (signal 6)"] * 2
    assert source.deaths == 2


async def test_garbage_is_a_fault_again_and_again_and_never_the_end(tmp_path: Path) -> None:
    garbage = tmp_path / "garbage.mp4"
    garbage.write_bytes(b"\x00\x00\x00\x18ftypmp42" + bytes(range(256)) * 40)
    async with watching(CameraSource(CameraSettings("cam-1", file=garbage), ScaledClock(START_MS, 50))) as items:
        got = [await anext(items) for _ in range(2)]
    assert [i.reason for i in got if isinstance(i, Fault)] == ["not a video that can be read"] * 2


def test_a_camera_has_one_source_that_is_there() -> None:
    table = {"device": "cam-1", "file": "/nowhere.mp4", "url": "ftp://x", "geometry": "/nowhere.toml"}
    with pytest.raises(ConfigError) as err:
        from_table(CameraSettings, table, "site.toml")
    assert [p.key for p in err.value.problems] == ["file", "file", "url", "geometry"]
