"""The segment files of an outbox, in order: opened together, damaged ones set apart, the oldest of the lowest priority first to go."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from city_model.faults import Unavailable
from edge_agent.segment import SUFFIX, Segment, files_of
from edge_agent.segment_file import Damaged, Kept, TooNew, salvage

_T = TypeVar("_T")
_DAMAGED_KEPT = 4  # files set apart that stay for a look; older ones are removed
_IDLE_FILE_BYTES = 1024 * 1024  # an empty file above this is dropped instead of used on


@dataclass(frozen=True, slots=True)
class Damage:
    """A file that was set apart, and how many of its batches could be saved."""

    name: str
    why: str
    saved: int


class Chain:
    """Segments sorted by (priority, first id). `damages` collects what was set apart until somebody reports it."""

    def __init__(self, directory: Path, segment_bytes: int) -> None:
        """Open all that is there. Raises Unavailable."""
        self.damages: list[Damage] = []
        self.too_new: list[str] = []
        self._unread_id = 0
        self.segments: list[Segment] = []
        self._directory = directory
        self._segment_bytes = segment_bytes
        for path in sorted(directory.glob(f"p*{SUFFIX}")):
            self._open(path)

    @property
    def last_id(self) -> int:
        """The newest id in any file; 0 when there is none. A file we cannot read is taken to hold a thousand million."""
        return max((self._unread_id, *(s.last_id for s in self.segments)))

    def size_bytes(self) -> int:
        """What all files take on the disk."""
        return sum(s.size_bytes() for s in self.segments)

    def guarded(self, segment: Segment, do: Callable[[Segment], _T], otherwise: _T) -> _T:
        """`do(segment)`; a damaged file is set apart and the answer is `otherwise`."""
        try:
            return do(segment)
        except Damaged as err:
            self._set_apart(segment.path, str(err))
            return otherwise

    def insert(self, kept: list[Kept], priority: int) -> None:
        """Make `kept` durable in one commit. Raises Unavailable: nothing of it was kept."""
        for _ in range(2):
            segment = self._writable(priority, kept[0].id)
            try:
                segment.insert(kept)
            except Damaged as err:
                self._set_apart(segment.path, str(err))
            else:
                return
        raise Unavailable(f"outbox {self._directory}: {self.damages[-1].why}")

    def oldest_to_go(self, never: int) -> Segment | None:
        """The next victim: an empty file, else the oldest of the lowest priority (the highest number), but none of priority `never`."""
        victims = [s for s in self.segments if s.priority != never]
        return min(victims, key=lambda s: (s.batches > 0, -s.priority, s.first_id), default=None)

    def forget(self, segment: Segment) -> None:
        """Remove the file."""
        segment.unlink()
        self.segments.remove(segment)

    def settle(self) -> None:
        """Write waiting acks, drop empty files. Raises Unavailable on a full disk."""
        active = {s.priority: s for s in self.segments}
        for segment in list(self.segments):
            if not segment.batches and (segment is not active[segment.priority] or segment.size_bytes() > _IDLE_FILE_BYTES):
                self.forget(segment)
            else:
                self.guarded(segment, Segment.settle, None)

    def close(self) -> None:
        """Write what can be written, close the files."""
        for segment in self.segments:
            with contextlib.suppress(Unavailable, Damaged):
                segment.settle()
            segment.close()

    def _writable(self, priority: int, first_id: int) -> Segment:
        """The newest segment of `priority`, or a new one when that is full."""
        last = next((s for s in reversed(self.segments) if s.priority == priority), None)
        if last is not None and last.size_bytes() < self._segment_bytes:
            return last
        if last is not None:
            last.close()
        return self._add(Segment(self._directory, priority, first_id, self._segment_bytes))

    def _add(self, segment: Segment) -> Segment:
        self.segments = sorted([*self.segments, segment], key=lambda s: (s.priority, s.first_id))
        return segment

    def _open(self, path: Path) -> None:
        priority, _, first_id = path.name.removesuffix(SUFFIX).removeprefix("p").partition("-")
        if not (priority.isdigit() and first_id.isdigit()):
            return
        try:
            self._add(Segment(self._directory, int(priority), int(first_id), self._segment_bytes)).close()
        except TooNew as err:
            self.too_new.append(str(err))
            self._unread_id = max(self._unread_id, int(first_id) + 10**9)
        except Damaged as err:
            self._set_apart(path, str(err))

    def _set_apart(self, path: Path, why: str) -> None:
        """Give the file another name, and what can be read of it a new file."""
        for segment in [s for s in self.segments if s.path == path]:
            segment.close()
            self.segments.remove(segment)
        priority, first_id = (int(part) for part in path.name.removesuffix(SUFFIX).removeprefix("p").split("-"))
        saved = [kept for kept in salvage(path) if first_id <= kept.id < 2**53]
        number = len(list(self._directory.glob(f"{path.name}.damaged-*"))) // 3 + len(self.damages)
        for file in files_of(path):
            file.rename(file.with_name(f"{path.name}.damaged-{number}{file.name.removeprefix(path.name)}"))
        if saved:
            fresh = Segment(self._directory, priority, first_id, self._segment_bytes)
            fresh.insert(saved)
            self._add(fresh)
        self.damages.append(Damage(path.name, why, len(saved)))
        self._forget_old_damage()

    def _forget_old_damage(self) -> None:
        there = sorted(self._directory.glob("*.damaged-*"), key=lambda p: p.stat().st_mtime_ns)
        names = list(dict.fromkeys(p.name.removesuffix("-wal").removesuffix("-shm") for p in there))
        for name in names[:-_DAMAGED_KEPT]:
            for file in files_of(self._directory / name):
                file.unlink()
