"""Any interleaving of accepting, acking, sending and restarting: nothing accepted is lost, nothing acked comes again."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from city_model.events import AckRange
from edge_agent.outbox import Budget, Outbox, Priority
from tests.edge.outboxes import batch

Item = tuple[str, str, int]
"""(device, boot, seq)"""
BUDGET = Budget(segment_bytes=32_768)  # small: many files


class OutboxStory(RuleBasedStateMachine):
    """The model is two sets of items: accepted, and acked."""

    def __init__(self) -> None:
        super().__init__()
        self.path = Path(tempfile.mkdtemp())
        self.now_ms = 0
        self.waiting: set[Item] = set()
        self.outbox = self.open()

    def open(self) -> Outbox:
        return Outbox(self.path, "site-1", "agent-1", self.now_ms, BUDGET)

    @rule(counts=st.lists(st.integers(1, 9), min_size=1, max_size=5), device=st.sampled_from("ab"), frames=st.booleans())
    def accept(self, counts: list[int], device: str, frames: bool) -> None:
        priority = Priority.FRAME if frames else Priority.NORMAL
        for kept in self.outbox.append([batch(device, n, 3000) for n in counts], self.now_ms, priority):
            e = kept.event
            new = {(device, e.boot, seq) for seq in range(e.seq, e.seq + e.count)}
            assert not new & self.waiting
            self.waiting |= new

    @rule(data=st.data())
    def ack(self, data: st.DataObject) -> None:
        if not self.waiting:
            return
        device, boot, seq = data.draw(st.sampled_from(sorted(self.waiting)))
        last = seq + data.draw(st.integers(0, 20))
        verdict = data.draw(st.sampled_from(("stored", "rejected")))
        self.outbox.acked(device, AckRange(boot, seq, last, verdict))  # type: ignore[arg-type]  # drawn from the two words
        self.waiting -= {item for item in self.waiting if item[:2] == (device, boot) and seq <= item[2] <= last}

    @rule()
    def settle(self) -> None:
        self.outbox.settle(self.now_ms)

    @rule(by_ms=st.integers(0, 5000))
    def time_passes(self, by_ms: int) -> None:
        self.now_ms += by_ms

    @rule()
    def restart(self) -> None:
        self.outbox.close()
        self.outbox = self.open()

    @invariant()
    def every_waiting_item_is_pending_and_no_batch_is_done_with(self) -> None:
        pending = self.outbox.pending(1000, self.now_ms, set())
        items = {(k.event.device, k.event.boot, k.event.seq + i) for k in pending for i in range(k.event.count)}
        assert self.waiting <= items
        for kept in pending:
            e = kept.event
            assert {(e.device, e.boot, e.seq + i) for i in range(e.count)} & self.waiting
        assert len(pending) == self.outbox.batches
        assert len({k.id for k in pending}) == len(pending)

    def teardown(self) -> None:
        self.outbox.close()
        shutil.rmtree(self.path)


TestOutboxStory = OutboxStory.TestCase
TestOutboxStory.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
