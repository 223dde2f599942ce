"""Cameras too simple to compute: frames from the agent over bridge and log to `saola vision`, and what a hostile frame does there."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

from city_model.clock import ScaledClock
from city_model.codec import samples
from city_model.events import DeadLetter, Event, EventType, TrafficSample
from city_model.faults import Rejected
from city_model.topics import DEAD_LETTER, FRAMES, INPUTS, LOG_TOPICS
from city_model.transport.local import LocalBroker
from edge_agent.agent import Agent
from edge_agent.settings import AgentSettings
from edge_agent.sources.camera import CameraSettings, CameraSource
from simulators.ledger import read_all
from stream_processor.bridge import run_bridge
from stream_processor.bridge_jpeg import MAX_PIXELS, MAX_SCANS, check_jpeg
from stream_processor.core.vision.camera import CameraVision, load_geometry
from stream_processor.frames import FrameService, VisionSettings
from stream_processor.frames_child import decode_grey
from stream_processor.logs.embedded import EmbeddedLog
from stream_processor.logs.port import Record
from stream_processor.logs.records import from_record, to_record
from tests.mosquitto_fixture import broker_city
from tests.vision.scenes import HEIGHT, LEFT, LINE_Y, RIGHT, START_MS, WIDTH, Vehicle, frames

FPS = 10


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[EmbeddedLog]:
    opened = await EmbeddedLog.open(tmp_path / "log")
    await opened.ensure_topics(LOG_TOPICS, 1)
    yield opened
    await opened.close()


@pytest.fixture
def cameras(tmp_path: Path) -> Path:
    """A folder with the geometry of cam-1."""
    folder = tmp_path / "cameras"
    folder.mkdir()
    (folder / "cam-1.toml").write_text(
        f"frame_size = [{WIDTH}, {HEIGHT}]\n[[carriageways]]\ndirection = 'in'\ndirection_vector = [0, 1]\n"
        f"line = [{LEFT}, {LINE_Y}, {RIGHT}, {LINE_Y}]\n"
    )
    return folder


@contextlib.asynccontextmanager
async def vision(log: EmbeddedLog, settings: VisionSettings) -> AsyncIterator[FrameService]:
    """`saola vision` at work."""
    service, stop = FrameService(log, settings), asyncio.Event()
    task = asyncio.create_task(service.run("vision-1", stop))
    try:
        yield service
    finally:
        stop.set()
        await task


async def until(holds: Callable[[], bool]) -> None:
    """Look again and again; a busy machine may take long."""
    async with asyncio.timeout(150):
        while not holds():
            await asyncio.sleep(0.02)


async def events(log: EmbeddedLog, topic: str) -> list[Event]:
    return [from_record(row.record) for row in await read_all(log, topic)]


async def seen(log: EmbeddedLog) -> list[TrafficSample]:
    told = [event for event in await events(log, INPUTS) if event.type == EventType.SAMPLES]
    return [sample for event in told for sample in samples.decode(event.data)]


async def test_frames_of_a_pole_become_the_samples_that_their_pictures_give(log: EmbeddedLog, cameras: Path, tmp_path: Path) -> None:
    clip = tmp_path / "road.avi"
    writer = cv2.VideoWriter(str(clip), cv2.VideoWriter.fourcc(*"MJPG"), FPS, (WIDTH, HEIGHT))
    for _, picture in frames([Vehicle(1.0 + 1.5 * k, k % 3, 8.0) for k in range(6)], 12, FPS):
        writer.write(np.repeat(picture[..., None], 3, axis=2))
    writer.release()
    broker, clock, stop, ready = LocalBroker(), ScaledClock(START_MS, 10), asyncio.Event(), asyncio.Event()
    bridge = asyncio.create_task(run_bridge(broker.client("bridge"), log, lambda: broker_city, clock, stop, ready=ready))
    await ready.wait()
    camera = CameraSource(CameraSettings("cam-1", file=clip, send="frames", frame_every_s=0.2), clock, START_MS)
    agent = Agent(AgentSettings("pole-1", "ht-kt", tmp_path / "outbox", batch_wait_s=0.01), broker.client("pole-1"), [camera], clock)
    at_the_pole = asyncio.create_task(agent.run(stop))
    async with vision(log, VisionSettings(cameras, 2.0)) as service:
        await agent.ended()
        await agent.drained()
        await until(lambda: service.counts["frames"] - service.counts["duplicates"] == 60)
    stop.set()
    await asyncio.gather(at_the_pole, bridge)
    frames_in_log = [event for event in await events(log, FRAMES) if event.type == EventType.FRAME]
    sent = list({(event.boot, event.seq): event for event in frames_in_log}.values())  # delivery is at least once
    assert [event.at_ms - START_MS for event in sent] == [k * 200 for k in range(60)]
    alone = CameraVision(load_geometry(cameras / "cam-1.toml"), 2.0)
    assert await seen(log) == [sample for event in sent for sample in alone.feed(decode_grey(event.data), event.at_ms)]
    assert [sample.at_ms - START_MS for sample in await seen(log)] == [2000, 4000, 6000, 8000, 10000]
    assert await events(log, DEAD_LETTER) == []


def jpeg(k: int, width: int = 96, height: int = 64) -> bytes:
    return cv2.imencode(".jpg", np.random.default_rng(k).integers(0, 255, (height, width), np.uint8))[1].tobytes()


def frame(device: str, k: int, data: bytes) -> tuple[int, Record]:
    """The k-th frame of a device, a fifth of a second apart, as the bridge would append it."""
    at_ms = START_MS + k * 200
    return 0, to_record(Event(EventType.FRAME, "ht-kt", device, "b1", k, 1, at_ms, "image/jpeg", data, area="center", recorded_ms=at_ms))


async def test_a_frame_that_kills_the_decoder_is_put_aside_and_the_other_cameras_lose_none(log: EmbeddedLog) -> None:
    """The very first frame of cam-2 aborts the process whenever it is decoded; cam-1 and the rest of cam-2 go on."""
    rows = []
    for k in range(30):
        rows += [frame("cam-2", k, jpeg(k) if k else with_comment(jpeg(k), b"abort")), frame("cam-1", k, jpeg(k))]
    await log.append(FRAMES, rows)
    settings = VisionSettings(None, 1.0, batch_frames=7, snapshot_bytes=20_000, child="tests.edge.children:analyse_or_abort")
    async with vision(log, settings) as service:
        await until(lambda: service.counts["frames"] - service.counts["duplicates"] == 60)
    assert service.counts["child_deaths"] == 2
    (letter,) = [msgspec.json.decode(event.data, type=DeadLetter) for event in await events(log, DEAD_LETTER)]
    assert letter.code == "kills_decoder"
    told = [event for event in await events(log, INPUTS) if event.type == EventType.SAMPLES]
    assert {d: sum(e.count for e in told if e.device == d) for d in ("cam-1", "cam-2")} == {"cam-1": 5, "cam-2": 5}
    # another member goes on from the snapshots, in which cam-2 may still have seen nothing
    await log.append(FRAMES, [frame(d, k, jpeg(k)) for k in range(30, 40) for d in ("cam-1", "cam-2")])
    async with vision(log, settings) as service:
        await until(lambda: service.counts["frames"] >= 20)
    assert service.counts["child_deaths"] == 0
    assert len(await events(log, DEAD_LETTER)) == 1


async def test_frames_that_are_none_are_dead_letters_with_their_reason(log: EmbeddedLog) -> None:
    bad = {
        b"GIF89a" + bytes(100): "not_jpeg",
        jpeg(1)[:200]: "truncated_jpeg",
        with_size(jpeg(1), 5000, 5000): "too_many_pixels",
        with_size(jpeg(1), 0, 0): "not_jpeg",
        b"\xff\xd8\xff\xe0" + bytes(50) + b"\xff\xd9": "not_jpeg",
        jpeg(1, 8, 8): "bad_frame",
        many_scans(jpeg(1, 32, 32)): "too_many_scans",
    }
    await log.append(FRAMES, [*(frame("cam-1", k, data) for k, data in enumerate(bad)), frame("cam-1", 99, jpeg(99))])
    async with vision(log, VisionSettings(None, 1.0)) as service:
        await until(lambda: service.counts["frames"] == len(bad) + 1)
    letters = [msgspec.json.decode(event.data, type=DeadLetter).code for event in await events(log, DEAD_LETTER)]
    assert letters == list(bad.values())
    assert service.counts["child_deaths"] == 0


def with_size(data: bytes, width: int, height: int) -> bytes:
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + height.to_bytes(2, "big") + width.to_bytes(2, "big") + data[at + 4 :]


def with_comment(data: bytes, text: bytes) -> bytes:
    return data[:2] + b"\xff\xfe" + (len(text) + 2).to_bytes(2, "big") + text + data[2:]


def many_scans(data: bytes) -> bytes:
    """A JPEG that says its scan again and again: each would be decoded over the whole picture."""
    scan = data[data.index(b"\xff\xda") : -2]
    return data[:-2] + scan * MAX_SCANS + data[-2:]


def test_the_limits_of_a_jpeg_are_read_from_its_header_alone() -> None:
    assert check_jpeg(jpeg(1)) == (96, 64)
    with pytest.raises(Rejected) as told:
        check_jpeg(with_size(jpeg(1), MAX_PIXELS // 4096 + 1, 4096))
    assert told.value.code == "too_many_pixels"


async def test_the_frames_of_a_wrong_clock_do_not_make_the_right_ones_old(log: EmbeddedLog) -> None:
    ahead = Event(
        EventType.FRAME, "ht-kt", "cam-1", "b1", 0, 1, START_MS + 10**9, "image/jpeg", jpeg(0), area="center", recorded_ms=START_MS
    )
    await log.append(FRAMES, [(0, to_record(ahead)), *(frame("cam-1", k, jpeg(k)) for k in range(1, 12))])
    async with vision(log, VisionSettings(None, 1.0)) as service:
        await until(lambda: service.counts["frames"] == 12)
    assert service.counts["dead_future"] == 1
    assert [sample.at_ms - START_MS for sample in await seen(log)] == [1000, 2000]
