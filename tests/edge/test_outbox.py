"""The outbox: nothing accepted is lost, nothing acked comes again, and what has to go leaves a gap record."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from city_model.events import AckRange, EventType, Gap
from city_model.faults import Unavailable
from edge_agent.outbox import Budget, Outbox, Priority
from tests.edge.outboxes import batch, ids, stored

SMALL = Budget(total_bytes=3_000_000, segment_bytes=400_000)


def opened(path: Path, now_ms: int = 0, budget: Budget | None = None) -> Outbox:
    return Outbox(path, "site-1", "agent-1", now_ms, budget)


def gaps(outbox: Outbox, now_ms: int = 0) -> list[Gap]:
    events = [k.event for k in outbox.pending(10_000, now_ms, set())]
    return [msgspec.json.decode(e.data, type=Gap) for e in events if e.type == EventType.GAP]


def test_sequences_count_items_per_device_from_zero(tmp_path: Path) -> None:
    outbox = opened(tmp_path)
    kept = outbox.append([batch("a", 3), batch("b", 2), batch("a", 4)], now_ms=5)
    assert [(k.event.device, k.event.seq, k.event.count) for k in kept] == [("a", 0, 3), ("b", 0, 2), ("a", 3, 4)]
    assert {k.event.boot for k in kept} == {outbox.boot}
    assert [k.event.recorded_ms for k in kept] == [5, 5, 5]
    outbox.close()


def test_what_was_accepted_is_there_after_a_restart_and_what_was_acked_is_not(tmp_path: Path) -> None:
    outbox = opened(tmp_path)
    first, second = outbox.append([batch(), batch()], now_ms=0)
    outbox.acked("air-1", stored(first))
    outbox.close()
    outbox = opened(tmp_path)
    assert outbox.pending(10, 0, set()) == [second]
    assert (outbox.batches, outbox.items) == (1, 3)
    outbox.close()


def test_a_new_start_has_a_boot_that_sorts_after_the_last_even_when_the_clock_went_back(tmp_path: Path) -> None:
    boots = []
    for now_ms in (1_700_000_000_000, 1_600_000_000_000, 0):
        outbox = opened(tmp_path, now_ms)
        boots.append(outbox.boot)
        outbox.close()
    assert boots == sorted(boots)
    assert len(set(boots)) == 3


def test_a_batch_is_gone_only_when_every_item_is_stored_or_rejected(tmp_path: Path) -> None:
    outbox = opened(tmp_path)
    (kept,) = outbox.append([batch(count=10)], now_ms=0)
    assert outbox.acked("air-1", stored(kept, 0, 3)) == ([], 4)
    outbox.settle(0)
    assert outbox.acked("air-1", stored(kept, 7, 9)) == ([], 3)
    outbox.close()
    outbox = opened(tmp_path)
    assert outbox.pending(1, 0, set()) == [kept]
    assert outbox.acked("air-1", AckRange(kept.event.boot, 4, 6, "rejected", "future")) == ([kept.id], 3)
    assert outbox.pending(1, 0, set()) == []
    outbox.close()


def test_an_ack_for_another_boot_or_device_changes_nothing(tmp_path: Path) -> None:
    outbox = opened(tmp_path)
    (kept,) = outbox.append([batch()], now_ms=0)
    assert outbox.acked("air-1", AckRange("0000-old", 0, 2, "stored")) == ([], 0)
    assert outbox.acked("air-2", stored(kept)) == ([], 0)
    assert outbox.batches == 1
    outbox.close()


def test_fresh_readings_go_before_the_backlog_and_the_backlog_still_moves(tmp_path: Path) -> None:
    outbox = opened(tmp_path)
    old = ids(outbox.append([batch() for _ in range(20)], now_ms=0))
    new = ids(outbox.append([batch() for _ in range(10)], now_ms=60_000))
    assert ids(outbox.pending(8, 60_000, set())) == new[:6] + old[:2]
    assert ids(outbox.pending(8, 60_000, set(new[:6] + old[:2]))) == new[6:] + old[2:6]
    assert ids(outbox.pending(4, 63_000, set())) == old[:4]
    outbox.close()


def test_past_the_budget_frames_go_first_and_gap_records_travel_instead(tmp_path: Path) -> None:
    outbox = opened(tmp_path, budget=SMALL)
    for _ in range(40):
        outbox.append([batch("cam-1", 1, 30_000)], now_ms=0, priority=Priority.FRAME)
    for _ in range(60):
        outbox.append([batch("air-1", 1, 30_000)], now_ms=0)
    left = [k.event for k in outbox.pending(1000, 0, set())]
    assert sum(e.device == "air-1" for e in left) == 60
    frames = {e.seq for e in left if e.device == "cam-1" and e.type == EventType.READINGS}
    lost = [range(g.first_seq, g.last_seq + 1) for g in gaps(outbox)]
    assert sum(len(r) for r in lost) == outbox.counts.evicted_items > 0
    assert frames | {seq for r in lost for seq in r} == set(range(40))
    assert {g.reason for g in gaps(outbox)} == {"the outbox was full"}
    outbox.close()


def test_every_item_that_was_evicted_is_in_a_gap_record(tmp_path: Path) -> None:
    outbox = opened(tmp_path, budget=SMALL)
    for i in range(200):
        outbox.append([batch("air-1", 2, 30_000)], now_ms=i)
    there = {k.event.seq + i for k in outbox.pending(1000, 300, set()) if k.event.type == EventType.READINGS for i in (0, 1)}
    missing = {seq for g in gaps(outbox) for seq in range(g.first_seq, g.last_seq + 1)}
    assert missing | there == set(range(400))
    assert not missing & there
    assert sum(p.stat().st_size for p in tmp_path.glob("p*")) < 1.2 * SMALL.total_bytes
    outbox.close()


def test_past_the_hours_old_segments_go(tmp_path: Path) -> None:
    outbox = opened(tmp_path, budget=Budget(hours=2))
    outbox.append([batch(count=5)], now_ms=0)
    outbox.settle(2 * 3_600_000)
    assert outbox.items == 5
    outbox.settle(2 * 3_600_000 + 1)
    assert [(g.count, g.reason) for g in gaps(outbox, 10**8)] == [(5, "older than 2 h")]
    outbox.close()


def test_what_the_broker_refuses_is_set_aside_with_a_gap_record(tmp_path: Path) -> None:
    outbox = opened(tmp_path)
    (kept,) = outbox.append([batch(count=4)], now_ms=0)
    outbox.set_aside(kept.id, "not_authorized", now_ms=9)
    (gap,) = outbox.pending(10, 9, set())
    assert gap.event.boot != kept.event.boot
    outbox.set_aside(gap.id, "not_authorized", now_ms=9)
    assert outbox.pending(10, 9, set()) == []
    assert outbox.counts.aside_items == 5
    outbox.close()


def test_one_process_holds_the_directory(tmp_path: Path) -> None:
    outbox = opened(tmp_path)
    with pytest.raises(Unavailable, match="another agent is using it"):
        opened(tmp_path)
    outbox.close()
    opened(tmp_path).close()


def test_a_directory_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="choose a directory"):
        opened(tmp_path / "file" / "outbox")


def test_an_empty_outbox_does_not_grow(tmp_path: Path) -> None:
    outbox = opened(tmp_path, budget=SMALL)
    for i in range(200):
        (kept,) = outbox.append([batch(size_bytes=9_000)], now_ms=i)
        outbox.acked("air-1", stored(kept))
    outbox.settle(200)
    assert outbox.counts.evicted_items == 0
    assert sum(p.stat().st_size for p in tmp_path.glob("p*")) < 200_000
    outbox.close()
