"""What processes weigh: processor seconds and resident memory of a process and its children, from /proc."""

from __future__ import annotations

import os
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def weight(pid: int) -> tuple[float, float]:
    """(processor seconds since its start, resident MB). Raises FileNotFoundError when it has ended."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S, pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def weights(pids: dict[str, int]) -> dict[str, tuple[float, float]]:
    """The weight of each process by name."""
    return {name: weight(pid) for name, pid in pids.items() if pid}
