"""Names to numbers, many at once: an open hash table over the names' bytes as 64-bit words, beside the dict that says the truth.

A name's number is its place in `names`. Only names of up to 64 bytes stand in the table; longer ones are found by the dict alone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MOST_BYTES = 64
_MIX = 0x9E3779B97F4A7C15
"""2^64 over the golden ratio (Knuth, The Art of Computer Programming 3, 6.4): spreads words over the upper bits."""
_SPARSE = 16
"""Slots per name at the least: a second look is rare."""
_FEW = 768
"""Of fewer names than this each is looked up in a dict (measured)."""


class NameTable:
    """Grows only. `slots` holds number + 1 (0: empty), 2 to the power of `bits` of them; `words` (names, 8) the names."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._index: dict[str, int] = {}
        self._of_bytes: dict[bytes, int] = {}
        self.bits = 12
        self.slots = np.zeros(1 << self.bits, np.int32)
        self.words = np.zeros((64, MOST_BYTES // 8), np.uint64)

    def number(self, name: str) -> int:
        """The number of `name`, which gets one if it has none."""
        number = self._index.get(name)
        if number is None:
            number = self._index[name] = len(self.names)
            self.names.append(name)
            self._enter(number)
        return number

    def numbers(self, block: NDArray[np.uint8]) -> NDArray[np.int32]:
        """Numbers of names of one length: `block` has shape (n, bytes)."""
        n, size = block.shape
        if not 0 < size <= MOST_BYTES or n < _FEW or not block.all():  # names are padded with zero bytes
            return self._few(np.ascontiguousarray(block).view(f"V{size}").ravel().tolist() if size else [b""] * n)
        padded = np.zeros((n, -(-size // 8) * 8), np.uint8)
        padded[:, :size] = block
        found = self.known(padded.view("<u8"), np.full(n, size))
        unknown = np.flatnonzero(found < 0)
        if len(unknown):
            rows = padded[unknown]
            is_new = np.ones(len(rows), np.bool_)
            is_new[1:] = (rows[1:] != rows[:-1]).any(axis=1)  # a backlog is a run of one name
            heads = np.ascontiguousarray(block[unknown[is_new]]).view(f"V{size}").ravel().tolist()
            found[unknown] = np.array([self.number(name.decode()) for name in heads], np.int32)[np.cumsum(is_new) - 1]
        return found

    def known(self, words: NDArray[np.uint64], size: NDArray[np.int64]) -> NDArray[np.int32]:
        """Numbers of names of `size` bytes, -1 where there is none: `words` (n, k) are their bytes and zeros behind them, up to 64."""
        n, count = words.shape
        found = np.full(n, -1, np.int32)
        if not count:
            return found
        mixed = np.zeros(n, np.uint64)
        shortest = int(size.min(initial=MOST_BYTES))
        for k in range(count):
            more = (mixed ^ words[:, k]) * np.uint64(_MIX)
            mixed = more if 8 * k < shortest else np.where(8 * k < size, more, mixed)
        rest, slot = np.arange(n), (mixed >> np.uint64(64 - self.bits)).astype(np.int64)
        while len(rest):
            number = self.slots[slot] - 1
            same = number >= 0
            asked = words if len(rest) == n else words[rest]
            for k in range(min(count + 1, MOST_BYTES // 8)):
                same &= self.words[number, k] == (asked[:, k] if k < count else 0)
            if len(rest) == n and same.all():
                return number
            found[rest[same]] = number[same]
            more_left = ~same & (number >= 0)
            rest, slot = rest[more_left], (slot[more_left] + 1) & (len(self.slots) - 1)
        return found

    def _few(self, raw: list[bytes]) -> NDArray[np.int32]:
        """Numbers of a handful of names, where the table's vectors would cost more than they save."""
        found = list(map(self._of_bytes.get, raw))
        if None in found:
            for name in raw:
                if name not in self._of_bytes:
                    self._of_bytes[name] = self.number(name.decode())
            found = list(map(self._of_bytes.get, raw))
        return np.array(found, np.int32)

    def _enter(self, number: int) -> None:
        raw = self.names[number].encode()
        if number >= len(self.words):
            self.words = np.concatenate((self.words, np.zeros_like(self.words)))
        if not 0 < len(raw) <= MOST_BYTES or b"\0" in raw:  # a zero byte is what names are padded with
            return
        self.words[number] = np.frombuffer(raw.ljust(MOST_BYTES, b"\0"), "<u8")
        if len(self.names) * _SPARSE > len(self.slots):
            self.bits += 2
            self.slots = np.zeros(1 << self.bits, np.int32)
            for earlier in range(number):
                self._place(earlier)
        self._place(number)

    def _place(self, number: int) -> None:
        words = self.words[number]
        if not words[0]:
            return
        mixed = 0
        for word in words[: -(-len(self.names[number].encode()) // 8)].tolist():
            mixed = (mixed ^ word) * _MIX & 0xFFFF_FFFF_FFFF_FFFF
        slot = mixed >> (64 - self.bits)
        while self.slots[slot]:
            slot = (slot + 1) & (len(self.slots) - 1)
        self.slots[slot] = number + 1
