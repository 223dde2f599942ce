"""SIGKILL at any moment loses nothing that was accepted."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

from edge_agent.outbox import Outbox

KILLS = 6


def test_kills_at_random_moments_lose_nothing_accepted(tmp_path: Path) -> None:
    chance = random.Random(20261125)
    accepted: set[tuple[str, int]] = set()
    for _ in range(KILLS):
        child = subprocess.Popen([sys.executable, "-m", "tests.edge.killed", str(tmp_path)], stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        boot = child.stdout.readline().strip()
        for _ in range(chance.randrange(1, 200)):
            accepted.add((boot, int(child.stdout.readline())))
        child.kill()
        rest = child.stdout.read().splitlines()
        accepted |= {(boot, int(line)) for line in rest if line.isdigit()}
        child.stdout.close()
        child.wait()
    outbox = Outbox(tmp_path, "site-1", "agent-1", 0)
    there = [(k.event.boot, k.event.seq) for k in outbox.pending(100_000, 0, set())]
    assert accepted <= set(there)
    assert len(there) == len(set(there))
    assert outbox.counts.damaged_segments == 0
    outbox.close()
