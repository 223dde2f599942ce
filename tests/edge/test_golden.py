"""Formats that are in the field stay readable: files committed once, never written again."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import numpy as np
import pytest

from city_model.codec import packed, samples
from city_model.events import Ack, AckRange, EventType, Readings, Status, TrafficSample
from edge_agent.outbox import Outbox

GOLDEN = Path(__file__).parent / "golden"
BOOT = "1764000000000-0badcafe"
READINGS = Readings(
    ("pm25", "humidity"),
    np.array([0, 1, 0], np.uint16),
    np.array([1764000000000, 1764000000000, 1764000060000], np.int64),
    np.array([31.5, 78.0, 33.25]),
)
SAMPLE = TrafficSample(
    1764000005000, 5.0, "north", 12, 3, 1, 5040.0, 0.31, 0.9, speed_kmh=24.5, speed_px_s=80.0, speed_basis="homography"
)  # fmt: skip


@pytest.mark.parametrize("version", [1, 2])
def test_an_outbox_of_every_format_is_opened_sent_and_emptied(tmp_path: Path, version: int) -> None:
    shutil.copytree(GOLDEN / f"outbox-{version}", tmp_path / "outbox")
    outbox = Outbox(tmp_path / "outbox", "site-1", "agent-1", 1764000100000)
    air, camera = outbox.pending(10, 1764000100000, set())
    assert (air.event.type, air.event.device, air.event.boot, air.event.seq, air.event.count) == (EventType.READINGS, "air-1", BOOT, 0, 3)
    assert (air.stream, air.event.recorded_ms, air.event.at_ms) == ("telemetry", 1764000061000, 1764000060000)
    assert air.event.data == packed.encode(READINGS)
    assert samples.decode(camera.event.data) == [SAMPLE]
    assert outbox.boot > BOOT
    outbox.acked("air-1", AckRange(BOOT, 0, 2, "stored"))
    outbox.acked("cam-1", AckRange(BOOT, 0, 0, "stored"))
    outbox.settle(1764000100000)
    assert outbox.batches == 0
    outbox.close()


def test_packed_readings_are_written_and_read_as_ever() -> None:
    data = (GOLDEN / "readings-1.bin").read_bytes()
    assert packed.encode(READINGS) == data
    assert packed.decode(data).value.tolist() == READINGS.value.tolist()


def test_samples_acks_and_status_are_written_and_read_as_ever() -> None:
    sample, ack, status = ((GOLDEN / f"{name}-1.json").read_bytes() for name in ("samples", "ack", "status"))
    assert samples.encode([SAMPLE]) == sample
    assert samples.decode(sample) == [SAMPLE]
    told = Ack((AckRange(BOOT, 0, 2, "stored"), AckRange(BOOT, 3, 3, "rejected", "out_of_range")))
    assert msgspec.json.decode(ack, type=Ack) == told
    assert msgspec.json.encode(told) == ack
    assert msgspec.json.decode(status, type=Status) == Status("online", 1764000000000, BOOT, "0.1.0", 4, "")
