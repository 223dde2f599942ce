"""What a camera may be given: each is a Fault with its reason, none ends the agent, and no other camera loses a frame by it."""

from __future__ import annotations

import asyncio
import resource
import struct
import time
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from city_model.clock import ScaledClock, WallClock
from city_model.events import TrafficSample
from edge_agent.sources.camera import CameraSettings, CameraSource, camera_nursery
from edge_agent.sources.luma import Luma, pictures
from edge_agent.sources.port import Fault, Item

START_MS = 1_700_000_000_000
FPS, FRAMES = 10, 60
NOT_A_VIDEO = "not a video that can be read"
NO_SIZE = "no picture in it has a size"


def picture(k: int, width: int = 160, height: int = 120) -> NDArray[np.uint8]:
    """Noise and a bar that grows with `k`."""
    out = np.clip(np.random.default_rng(k).normal(90, 5, (height, width, 3)), 0, 255).astype(np.uint8)
    out[height // 4 : height // 2, : k * 2 + 8] = (30, 200, 220)
    return out


def video(path: Path, codec: str, frames: int = FRAMES) -> bytes:
    """The bytes of a video, also written to `path`."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), FPS, (160, 120))
    for k in range(frames):
        writer.write(picture(k))
    writer.release()
    return path.read_bytes()


def jpeg(k: int, width: int = 160, height: int = 120) -> bytes:
    return cv2.imencode(".jpg", picture(k, width, height))[1].tobytes()


def with_size(data: bytes, width: int, height: int) -> bytes:
    """A JPEG whose header claims another size."""
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


def big_png(side: int) -> bytes:
    """A black PNG of `side` squared pixels in a few kB."""
    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(side * 3 + 1)) for _ in range(side)) + packer.flush()

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def cut_in_half(folder: Path) -> bytes:
    data = video(folder / "whole.mp4", "mp4v")
    return data[: len(data) // 2]  # the index stands at the end


def zero_by_zero(folder: Path) -> bytes:
    """A Motion-JPEG stream whose pictures claim to have no pixels."""
    return with_size(jpeg(1), 0, 0) * 5


DAMAGED: dict[str, tuple[str, Callable[[Path], bytes], str]] = {
    "truncated": ("cut.mp4", cut_in_half, NOT_A_VIDEO),
    "empty": ("empty.mp4", lambda _: b"", NOT_A_VIDEO),
    "zero by zero": ("zero.mjpeg", zero_by_zero, NO_SIZE),
    "no video at all": ("list.m3u8", lambda _: b"#EXTM3U\n#EXTINF:1,\nother.avi\n", NOT_A_VIDEO),
    "not JPEG inside": ("bytes.mjpeg", lambda _: bytes(range(256)) * 64, NO_SIZE),
    "JPEG bomb": ("bomb.mjpeg", lambda _: with_size(jpeg(1), 60_000, 60_000) * 5, NO_SIZE),
    "PNG bomb": ("bomb.png", lambda _: big_png(5_000), "pictures of 25000000 pixels"),
}


def source(file: Path, **settings: Any) -> CameraSource:  # noqa: ANN401 - any of CameraSettings
    return CameraSource(CameraSettings("cam-1", file=file, sample_every_s=2.0, **settings), ScaledClock(START_MS, 100), START_MS)


async def first(camera: CameraSource, count: int) -> list[Item]:
    """The first `count` items, fewer when it ends before."""
    got: list[Item] = []
    try:
        async with aclosing(cast("Any", camera.items())) as items:
            async for item in items:
                got.append(item)
                if len(got) == count:
                    break
    finally:
        await camera.close()
    return got


@pytest.mark.parametrize("name", DAMAGED)
async def test_a_damaged_file_is_a_fault_with_its_reason_and_little_memory(name: str, tmp_path: Path) -> None:
    file, make, reason = DAMAGED[name]
    (tmp_path / file).write_bytes(make(tmp_path))
    before_s = time.monotonic()
    (fault,) = await first(source(tmp_path / file), 1)
    assert isinstance(fault, Fault)
    assert fault.reason.startswith(reason)
    assert time.monotonic() - before_s < 20
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < 1_500_000  # kB; the worst child of this test run


async def test_a_recording_that_ends_early_is_measured_up_to_there_and_says_so(tmp_path: Path) -> None:
    whole = video(tmp_path / "whole.avi", "MJPG")
    (tmp_path / "cut.avi").write_bytes(whole[: len(whole) // 2])
    *measured, last = await first(source(tmp_path / "cut.avi"), 100)
    assert [item.at_ms - START_MS for item in measured if isinstance(item, TrafficSample)] == [2000]
    assert isinstance(last, Fault)
    assert last.reason.startswith("the file ends after ")
    assert last.reason.endswith(" of 60 frames")


def test_a_stream_that_changes_its_size_goes_on_in_the_size_it_began_with(tmp_path: Path) -> None:
    path = tmp_path / "changing.mjpeg"
    sizes = [(160, 120)] * 10 + [(320, 240)] * 10 + [(96, 64)] * 5
    path.write_bytes(b"".join(jpeg(k, *size) for k, size in enumerate(sizes)))
    seen = list(pictures(Luma(str(path))))
    assert [one.shape for one in seen] == [(120, 160)] * 25
    bar = [one[30:60, :8].mean() for one in seen]
    assert min(bar) > 150  # the bar stands where it stood: the picture is scaled, not cropped


@pytest.mark.parametrize(("codec", "name"), [("MJPG", "full.avi"), ("mp4v", "limited.mp4"), ("HFYU", "rgb.avi")])
def test_the_luma_is_what_opencv_makes_of_the_colours_whatever_the_codec(codec: str, name: str, tmp_path: Path) -> None:
    video(tmp_path / name, codec, 5)
    capture = cv2.VideoCapture(str(tmp_path / name), cv2.CAP_FFMPEG)
    for seen in pictures(Luma(str(tmp_path / name))):
        got, colours = capture.read()
        assert got
        assert np.abs(seen - cv2.cvtColor(colours, cv2.COLOR_BGR2GRAY).astype(np.float64)).mean() < 2.0


async def dribble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """An HTTP camera: ten pictures, and then nothing, with the connection open."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n")
    for k in range(10):
        data = jpeg(k)
        writer.write(b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(data) + data + b"\r\n")
    await writer.drain()
    await reader.read()
    writer.close()


@pytest.fixture
async def stalling() -> AsyncIterator[str]:
    server = await asyncio.start_server(dribble, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/video.mjpeg"
    server.close()


async def test_a_stream_that_stalls_is_a_fault_within_its_patience(stalling: str) -> None:
    camera = CameraSource(CameraSettings("cam-1", url=stalling, patience_s=1.0, sample_every_s=300.0), WallClock())
    before_s = time.monotonic()
    (fault,) = await first(camera, 1)
    assert isinstance(fault, Fault)
    assert fault.reason == "the stream ended, or no frame came in time"
    assert time.monotonic() - before_s < 12


async def test_a_decoder_that_is_aborted_is_back_within_two_seconds_and_the_others_lose_nothing(tmp_path: Path) -> None:
    video(tmp_path / "fine.avi", "MJPG", 80)
    fine = CameraSource(CameraSettings("cam-1", file=tmp_path / "fine.avi", sample_every_s=2.0), ScaledClock(START_MS, 1), START_MS)
    spec = {"stop_ms": 60_000, "abort_at_ms": 3000, "died_file": str(tmp_path / "died")}
    settings = CameraSettings("cam-2", frames="tests.edge.children:frames_dying_once", spec=spec, sample_every_s=1.0)
    nursery = camera_nursery()
    dying = CameraSource(settings, WallClock(), nursery=nursery)
    others = asyncio.create_task(first(fine, 3))
    died_s, back_s = 0.0, 0.0
    try:
        async with aclosing(cast("Any", dying.items())) as items:
            async for item in items:
                if isinstance(item, Fault):
                    assert item.reason == "decoder died (signal 6)"
                    died_s = time.monotonic()
                elif died_s:
                    back_s = time.monotonic()
                    break
    finally:
        await dying.close()
        await nursery.close()
    assert back_s - died_s < 2
    assert [item.at_ms - START_MS for item in await others] == [2000, 4000, 6000]
    assert fine.deaths == 0
