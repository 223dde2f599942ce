"""What numba compiles of the scanner: one pass over the bytes of a block. Imported only where numba is.

It reads flat objects of plain strings, numbers of at most 15 digits without an exponent, true, false and null. Such a number is a whole
number below 2^53 over a power of ten up to 10^22, both exact, so their quotient is the correctly rounded value (Clinger 1990).
Anything else in a line, or a device it has not met, leaves the line aside. Messages of one sender look alike, so each key is first compared
with the key that stood there in the line before.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

_QUOTE, _BACKSLASH, _OPEN, _CLOSE, _COLON, _COMMA, _SPACE, _NEWLINE = 34, 92, 123, 125, 58, 44, 32, 10
_MINUS, _DOT, _ZERO = 45, 46, 48
_MEMBERS = 32
"""A line with more members than this is left aside."""
_TENS = np.array([10.0**k for k in range(16)])
_PLAIN = np.array([32 <= c < 128 and c not in (_QUOTE, _BACKSLASH) for c in range(256)])
_DIGIT = np.array([48 <= c < 58 for c in range(256)])
_MIX = np.uint64(0x9E3779B97F4A7C15)


def _text_end(data: Any, at: int) -> int:  # noqa: ANN401
    """Where the string that begins at `at` (behind its quote) ends; -1: it is not plain."""
    while at < len(data) and _PLAIN[data[at]]:
        at += 1
    return at if at < len(data) and data[at] == _QUOTE else -1


def _number(data: Any, at: int) -> Any:  # noqa: ANN401
    """(end, digits as a whole number, digits behind the dot or -1 without one, is negative); end -1: not a plain number."""
    negative = data[at] == _MINUS
    if negative:
        at += 1
    first = at
    whole = np.int64(0)
    while at < len(data) and _DIGIT[data[at]]:
        whole = whole * 10 + (data[at] - _ZERO)
        at += 1
    digits = at - first
    if digits == 0 or digits > 15 or (digits > 1 and data[first] == _ZERO):
        return -1, whole, 0, negative
    if at >= len(data) or data[at] != _DOT:
        return at, whole, -1, negative
    at += 1
    dot = at
    while at < len(data) and _DIGIT[data[at]]:
        whole = whole * 10 + (data[at] - _ZERO)
        at += 1
    if at == dot or digits + at - dot > 15:
        return -1, whole, 0, negative
    return at, whole, at - dot, negative


def _word_end(data: Any, at: int) -> int:  # noqa: ANN401
    """Where true, false or null at `at` ends; -1: none of them."""
    left = len(data) - at
    if left >= 4 and data[at] == 116 and data[at + 1] == 114 and data[at + 2] == 117 and data[at + 3] == 101:
        return at + 4
    if left >= 4 and data[at] == 110 and data[at + 1] == 117 and data[at + 2] == 108 and data[at + 3] == 108:
        return at + 4
    if left >= 5 and data[at] == 102 and data[at + 1] == 97 and data[at + 2] == 108 and data[at + 3] == 115 and data[at + 4] == 101:
        return at + 5
    return -1


def _eight(data: Any, at: int) -> Any:  # noqa: ANN401
    """Eight bytes from `at`, little-endian: written out so that the compiler makes one load of it."""
    i = np.uintp(at)
    low = np.uint64(data[i]) | np.uint64(data[i + np.uintp(1)]) << np.uint64(8) | np.uint64(data[i + np.uintp(2)]) << np.uint64(16)
    low |= np.uint64(data[i + np.uintp(3)]) << np.uint64(24) | np.uint64(data[i + np.uintp(4)]) << np.uint64(32)
    high = np.uint64(data[i + np.uintp(5)]) << np.uint64(40) | np.uint64(data[i + np.uintp(6)]) << np.uint64(48)
    return low | high | np.uint64(data[i + np.uintp(7)]) << np.uint64(56)


_fast_eight = njit(inline="always")(_eight)


def _word(data: Any, at: int, stop: int) -> Any:  # noqa: ANN401
    """Eight bytes from `at`, or as many as there are before `stop` (at least 8), little-endian."""
    missing = 8 - (stop - at)
    return _fast_eight(data, at) if missing <= 0 else _fast_eight(data, stop - 8) >> np.uint64(8 * missing)


_fast_word = njit(inline="always")(_word)


def _known(data: Any, start: int, stop: int, slots: Any, words: Any, bits: int) -> int:  # noqa: ANN401
    """The number of the name data[start:stop]; -1: not in the table. The hash is `NameTable`'s."""
    if not 0 < stop - start <= 64 or stop < 8:
        return -1
    mixed = np.uint64(0)
    for at in range(start, stop, 8):
        mixed = (mixed ^ _fast_word(data, at, stop)) * _MIX
    count = (stop - start + 7) // 8
    slot = np.int64(mixed >> np.uint64(64 - bits))
    while slots[slot]:
        number = slots[slot] - 1
        same = count == 8 or words[number, count] == 0
        for k in range(count):
            same = same and words[number, k] == _fast_word(data, start + 8 * k, stop)
        if same:
            return int(number)
        slot = (slot + 1) & (len(slots) - 1)
    return -1


def _member(data: Any, start: int, stop: int, keys: Any, sizes: Any) -> int:  # noqa: ANN401
    """Which of `keys` stands at data[start:stop]; -1: none."""
    for k in range(len(sizes)):
        if sizes[k] == stop - start:
            same = True
            for j in range(stop - start):
                same = same and keys[k, j] == data[start + j]
            if same:
                return k
    return -1


_fast_text_end = njit(inline="always")(_text_end)
_fast_number = njit(inline="always")(_number)
_fast_word_end = njit(_word_end)
_fast_known = njit(inline="always")(_known)
_fast_member = njit(_member)


def _key(data: Any, at: int, place: int, keys: Any, sizes: Any, shape: Any) -> Any:  # noqa: ANN401
    """(where the value begins, which key) of the member whose key begins at `at`; -1: leave the line aside. `shape` holds, for each place
    in the line before, where its key began, how long it was with quote and colon, and which it was."""
    begun, size = shape[place, 0], shape[place, 1]
    if size and at + size < len(data):
        j = 0
        while j < size and data[at + j] == data[begun + j]:
            j += 1
        if j == size:
            return at + size, shape[place, 2]
    end = _fast_text_end(data, at)
    if end < 0 or end + 2 >= len(data) or data[end + 1] != _COLON:
        return -1, -1
    key = _fast_member(data, at, end, keys, sizes)
    shape[place, 0], shape[place, 1], shape[place, 2] = at, end + 2 - at, key
    return end + 2, key


def _value(
    data: Any, at: int, key: int, slots: Any, words: Any, bits: int, row: int, device: Any, at_ms: Any, values: Any  # noqa: ANN401
) -> int:  # fmt: skip
    """Read the value at `at` into its place (key 0: device, 1: time, -1: nowhere); where it ends, or -1: leave the line aside."""
    c = data[at]
    if c == _QUOTE:
        end: int = _fast_text_end(data, at + 1)
        if end < 0 or key > 0:
            return -1
        if key == 0:
            device[row] = _fast_known(data, at + 1, end, slots, words, bits)
            if device[row] < 0:
                return -1
        return end + 1
    if c != _MINUS and not _DIGIT[c]:
        return -1 if key >= 0 else _fast_word_end(data, at)
    at, whole, behind, negative = _fast_number(data, at)
    if at < 0 or key < 0:
        return at
    if key > 1:
        value = whole / _TENS[behind] if behind > 0 else np.float64(whole)
        values[key - 2, row] = -value if negative else value
        return -1 if negative and whole == 0 else at
    at_ms[row] = whole
    return -1 if key == 0 or behind >= 0 or negative else at


_fast_key = njit(inline="always")(_key)
_fast_value = njit(inline="always")(_value)


def _line(data: Any, at: int, keys: Any, sizes: Any, shape: Any, slots: Any, words: Any, bits: int, row: int, out: Any) -> int:  # noqa: ANN401
    """Read the object at `at` into row `row` of `out` (device, time, values); where it ends, or -1: leave the line aside."""
    device, at_ms, values = out
    have = 0
    if data[at] != _OPEN:
        return -1
    at += 1
    for place in range(_MEMBERS):
        if at >= len(data) or data[at] != _QUOTE:
            return -1
        at, key = _fast_key(data, at + 1, place, keys, sizes, shape)
        if at < 0:
            return -1
        if data[at] == _SPACE:
            at += 1
        if key >= 0:
            if at >= len(data) or have >> key & 1:
                return -1
            have |= 1 << key
        if at >= len(data):
            return -1
        at = _fast_value(data, at, key, slots, words, bits, row, device, at_ms, values)
        if at < 0 or at >= len(data):
            return -1
        if data[at] == _CLOSE:
            return at + 1 if have == (1 << len(sizes)) - 1 else -1
        if data[at] != _COMMA:
            return -1
        at += 1
        if at < len(data) and data[at] == _SPACE:
            at += 1
    return -1


_fast_line = njit(inline="always")(_line)


def _scan(
    data: Any, keys: Any, sizes: Any, slots: Any, words: Any, bits: int, out: Any, aside: Any, place: Any, halts: bool  # noqa: ANN401
) -> None:  # fmt: skip
    """Go on from `place` (byte, line, rows read, lines aside) and leave it where the scan ended: behind the block, or with `halts` behind a
    line whose device is new."""
    number, device, at_ms, values = out
    at, line, read, left = place[0], place[1], place[2], place[3]
    shape = np.zeros((_MEMBERS, 3), np.int64)
    is_new = False
    while at < len(data) and not is_new:
        stop = at
        if data[at] != _NEWLINE:
            device[read] = 0
            stop = _fast_line(data, at, keys, sizes, shape, slots, words, bits, read, (device, at_ms, values))
            if stop >= 0 and (stop == len(data) or data[stop] == _NEWLINE):
                number[read] = line
                read += 1
            else:
                is_new = halts and device[read] < 0
                stop = at
                while stop < len(data) and data[stop] != _NEWLINE:
                    stop += 1
                aside[left, 0], aside[left, 1], aside[left, 2] = line, at, stop
                left += 1
        line += 1
        at = stop + 1
    place[0], place[1], place[2], place[3] = at, line, read, left


scan = njit(cache=True, nogil=True, error_model="numpy")(_scan)
