"""Members of groups as empty files whose modification time is their heartbeat: nothing to lock, nothing that a crash can damage.

    members/<group>/<topic>/<member>-<random>

A member is alive while its file was touched less than `dead_after_s` ago by the machine's clock. Who owns what is a pure function of the
living, so all members that see the same files agree; for the moment in which they do not, owners fence each other.
"""

from __future__ import annotations

import time
import uuid
from pathlib import Path
from urllib.parse import quote

_FORGET_AFTER_S = 60.0  # files of the long dead are swept up by whoever looks


def share(members: list[str], member: str, partitions: int) -> frozenset[int]:
    """The partitions of `member` among the living `members`: every n-th one, in the order of their names.

    >>> sorted(share(["b", "a"], "b", 5)), sorted(share(["a", "b"], "a", 5)), share(["a"], "b", 5)
    ([1, 3], [0, 2, 4], frozenset())
    """
    order = sorted(members)
    if member not in order:
        return frozenset()
    return frozenset(range(order.index(member), partitions, len(order)))


class Heartbeat:
    """One member's file, and the sight of the others'. Blocking: call it in a thread."""

    def __init__(self, directory: Path, group: str, topic: str, member: str, dead_after_s: float) -> None:
        self._folder = directory / "members" / quote(group, safe="") / quote(topic, safe="")
        self._folder.mkdir(parents=True, exist_ok=True)
        self._name = f"{quote(member, safe='')}-{uuid.uuid4().hex[:8]}"
        self._dead_after_s = dead_after_s
        self._left = False

    def beat(self, partitions: int) -> frozenset[int]:
        """Say that this member lives; its partitions now."""
        if self._left:
            return frozenset()
        (self._folder / self._name).touch()
        return share(self._living(), self._name, partitions)

    def leave(self) -> None:
        self._left = True
        (self._folder / self._name).unlink(missing_ok=True)

    def _living(self) -> list[str]:
        now_s, living = time.time(), []
        for path in self._folder.iterdir():
            try:
                age_s = now_s - path.stat().st_mtime
            except FileNotFoundError:  # left between the two calls
                continue
            if abs(age_s) < self._dead_after_s:  # from the future: the clock was set back since
                living.append(path.name)
            elif abs(age_s) > _FORGET_AFTER_S:
                path.unlink(missing_ok=True)
        return living
