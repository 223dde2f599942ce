"""Accepts batches until it is killed, and prints each id once it is accepted: run as `python -m tests.edge.killed DIRECTORY`."""

from __future__ import annotations

import sys
from pathlib import Path

from edge_agent.outbox import Budget, Outbox, Priority
from tests.edge.outboxes import batch


def main(directory: Path) -> None:
    outbox = Outbox(directory, "site-1", "agent-1", 0, Budget(segment_bytes=65_536))
    print(outbox.boot, flush=True)
    seq = 0
    while True:
        priority = Priority.FRAME if seq % 5 == 4 else Priority.NORMAL
        for kept in outbox.append([batch("a", 1, 2000), batch("a", 1, 2000)], seq, priority):
            print(kept.event.seq, flush=True)
        seq += 2


if __name__ == "__main__":
    main(Path(sys.argv[1]))
