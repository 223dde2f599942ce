"""One process at a time holds an outbox directory, and each holding has a `boot` of its own that sorts after all earlier ones."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from pathlib import Path

from city_model.faults import Unavailable

_RESERVE = b"\0" * 128 * 1024


class Holding:
    """The lock, the boot, and a reserve of disk space so that a gap record can still be written when the disk is full."""

    def __init__(self, directory: Path, now_ms: int) -> None:
        """Take `directory` (created when missing). Raises Unavailable when another process has it, or it cannot be written."""
        self._reserve = directory / "reserve"
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(directory / "held", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as err:
            raise Unavailable(f"outbox {directory}: {err.strerror}; choose a directory this user may write to") from err
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.boot = self._next_boot(now_ms)
        except OSError as err:
            os.close(self._lock)
            words = "another agent is using it" if isinstance(err, BlockingIOError) else err.strerror
            raise Unavailable(f"outbox {directory}: {words}") from err
        self.keep_reserve()

    def keep_reserve(self) -> None:
        """Have the reserve there, when the disk allows it."""
        if not self._reserve.exists():
            with contextlib.suppress(OSError):
                self._reserve.write_bytes(_RESERVE)

    def release_reserve(self) -> None:
        """Give its space free."""
        self._reserve.unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of the directory."""
        os.close(self._lock)

    def _next_boot(self, now_ms: int) -> str:
        """Start in ms and a random suffix; the start is written down so that a clock set back cannot make it sort before an earlier one.
        When the outbox is lost the suffix keeps two starts of one millisecond apart."""
        last = os.pread(self._lock, 32, 0).decode("ascii", "replace").strip()
        start_ms = max(now_ms, int(last) + 1 if last.isdigit() else 0)
        with contextlib.suppress(OSError):  # a full disk must not keep the agent from emptying its outbox
            os.pwrite(self._lock, b"%020d" % start_ms, 0)
            os.fsync(self._lock)
        return f"{start_ms:013d}-{secrets.token_hex(4)}"
