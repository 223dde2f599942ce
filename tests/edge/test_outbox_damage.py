"""Torn and foreign files: set apart and told, never trusted, never a crash."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path

import msgspec
import pytest

from city_model.events import EventType, Gap
from city_model.faults import Unavailable
from edge_agent.outbox import Outbox, Priority
from edge_agent.segment_file import Kept
from tests.edge.outboxes import batch


def opened(path: Path) -> Outbox:
    return Outbox(path, "site-1", "agent-1", 0)


def filled(path: Path, batches: int = 60) -> tuple[Path, dict[int, Kept]]:
    """The file of an outbox that held `batches`, and what they were."""
    outbox = opened(path)
    kept = {k.id: k for i in range(batches) for k in outbox.append([batch(size_bytes=900 + i)], now_ms=i)}
    outbox.close()
    (file,) = path.glob("p1-*.segment")
    return file, kept


def test_a_file_that_is_no_database_is_set_apart_and_told(tmp_path: Path) -> None:
    file, _ = filled(tmp_path)
    file.write_bytes(b"not a database" * 1000)
    outbox = opened(tmp_path)
    (told,) = outbox.pending(100, 0, set())
    gap = msgspec.json.decode(told.event.data, type=Gap)
    assert (told.event.device, gap.first_seq, gap.count) == ("agent-1", -1, 0)
    assert "was damaged, 0 batches saved" in gap.reason
    assert list(tmp_path.glob("*.damaged-*"))
    outbox.append([batch()], now_ms=1)
    outbox.close()


def test_a_file_that_breaks_at_work_is_set_apart_and_accepting_goes_on(tmp_path: Path) -> None:
    file, kept = filled(tmp_path)
    outbox = opened(tmp_path)
    data = bytearray(file.read_bytes())
    for i in range(4096, len(data), 4096):
        data[i : i + 2000] = b"\xff" * 2000
    file.write_bytes(data)
    (accepted,) = outbox.append([batch()], now_ms=1)
    outbox.pending(1000, 1, set())
    got = outbox.pending(1000, 1, set())
    assert accepted in got
    assert any(k.event.type == EventType.GAP for k in got)
    assert all(k == kept[k.id] for k in got if k.event.type != EventType.GAP and k != accepted)
    outbox.close()


@pytest.mark.parametrize("seed", range(40))
def test_flipped_and_missing_bytes_never_give_wrong_data(tmp_path: Path, seed: int) -> None:
    """Opens or sets apart; what comes out is what went in, or is told as damage."""
    file, kept = filled(tmp_path, batches=30)
    chance = random.Random(seed)
    data = bytearray(file.read_bytes())
    if seed % 4 == 0:
        del data[chance.randrange(len(data)) :]
    for _ in range(1 + seed % 7):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8) if data else 0
    file.write_bytes(data)
    outbox = opened(tmp_path)
    got = [k for k in outbox.pending(1000, 0, set()) if k.event.type != EventType.GAP]
    assert all(k == kept[k.id] for k in got)
    assert len(got) == 30 or outbox.counts.damaged_segments == 1
    outbox.append([batch()], now_ms=1)
    outbox.close()


def test_a_file_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    file, _ = filled(tmp_path)
    with sqlite3.connect(file) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    before = file.read_bytes()
    outbox = opened(tmp_path)
    assert outbox.pending(10, 0, set()) == []
    assert "format 99" in outbox.too_new[0]
    outbox.append([batch()], now_ms=1)
    outbox.close()
    assert file.read_bytes() == before


def test_a_full_disk_is_unavailable_loses_nothing_and_passes(tmp_path: Path) -> None:
    outbox = opened(tmp_path)
    (first,) = outbox.append([batch()], now_ms=0)
    segment = outbox._chain.segments[0]
    (pages,) = segment._db().execute("PRAGMA page_count").fetchone()
    segment._db().execute(f"PRAGMA max_page_count = {pages}")  # SQLite's own way to say that there is no more room
    with pytest.raises(Unavailable, match="the disk is full"):
        outbox.append([batch(size_bytes=100_000)], now_ms=1)
    assert outbox.pending(10, 1, set()) == [first]
    segment._db().execute("PRAGMA max_page_count = 1000000")
    (second,) = outbox.append([batch(size_bytes=100_000)], now_ms=2)
    assert second.event.seq == 3
    assert outbox.pending(10, 2, set()) == [first, second]
    outbox.close()


def test_frames_and_readings_lie_in_files_of_their_own(tmp_path: Path) -> None:
    outbox = opened(tmp_path)
    outbox.append([batch()], now_ms=0)
    outbox.append([batch("cam-1")], now_ms=0, priority=Priority.FRAME)
    outbox.close()
    assert sorted(p.name[:2] for p in tmp_path.glob("*.segment")) == ["p1", "p2"]
