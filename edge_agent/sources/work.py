"""What a camera's process has done since it started, told once a second: frames, drops, where the time went, and how late it was."""

from __future__ import annotations

import time

import msgspec

BIN_MS = 10
BINS = 101


class Work(msgspec.Struct):
    """Seconds are of processor time: `decode_s` in a stream's own thread, `vision_s` in the analysis, `cpu_s` of the whole process;
    `told_s` is the clock's (monotonic) when this was told.

    `late[i]` counts frames that were measured i · BIN_MS after they existed (the last: or later); live streams only.
    """

    frames: int = 0
    dropped: int = 0
    decode_s: float = 0.0
    vision_s: float = 0.0
    cpu_s: float = 0.0
    told_s: float = 0.0
    late: list[int] = msgspec.field(default_factory=lambda: [0] * BINS)

    def count_late(self, late_ms: float) -> None:
        """One frame that was measured `late_ms` after it existed."""
        self.late[min(max(int(late_ms / BIN_MS), 0), BINS - 1)] += 1

    def told(self) -> dict[str, object]:
        """As plain values, for a message."""
        self.cpu_s, self.told_s = time.process_time(), time.monotonic()
        return msgspec.structs.asdict(self)

    def since(self, before: Work) -> Work:
        """What was done after `before` was told."""
        late = [now - then for now, then in zip(self.late, before.late, strict=True)]
        return Work(
            self.frames - before.frames, self.dropped - before.dropped, self.decode_s - before.decode_s,
            self.vision_s - before.vision_s, self.cpu_s - before.cpu_s, self.told_s - before.told_s, late,
        )  # fmt: skip
