"""What numba compiles of the scanner: one pass over the bytes of a block. Imported only where numba is.

It reads flat objects of plain strings, numbers of at most 15 digits without an exponent, true, false and null. Such a number is a whole
number below 2^53 over a power of ten up to 10^22, both exact, so their quotient is the correctly rounded value (Clinger 1990).
Anything else in a line, or a device it has not met, leaves the line aside.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

_QUOTE, _BACKSLASH, _OPEN, _CLOSE, _COLON, _COMMA, _SPACE, _NEWLINE = 34, 92, 123, 125, 58, 44, 32, 10
_MINUS, _DOT, _ZERO, _NINE = 45, 46, 48, 57
_TENS = np.array([10.0**k for k in range(16)])
_MIX = np.uint64(0x9E3779B97F4A7C15)


def _text_end(data: Any, at: int) -> int:  # noqa: ANN401
    """Where the string that begins at `at` (behind its quote) ends; -1: it is not plain."""
    while at < len(data):
        c = data[at]
        if c == _QUOTE:
            return at
        if c == _BACKSLASH or c < _SPACE or c >= 128:
            return -1
        at += 1
    return -1


def _number(data: Any, at: int) -> Any:  # noqa: ANN401
    """(end, digits as a whole number, digits behind the dot, has a dot, is negative); end -1: not a plain number."""
    negative = data[at] == _MINUS
    if negative:
        at += 1
    first = at
    whole = np.int64(0)
    while at < len(data) and _ZERO <= data[at] <= _NINE:
        whole = whole * 10 + (data[at] - _ZERO)
        at += 1
    digits = at - first
    if digits == 0 or digits > 15 or (digits > 1 and data[first] == _ZERO):
        return -1, whole, 0, False, negative
    if at >= len(data) or data[at] != _DOT:
        return at, whole, 0, False, negative
    at += 1
    dot = at
    while at < len(data) and _ZERO <= data[at] <= _NINE:
        whole = whole * 10 + (data[at] - _ZERO)
        at += 1
    if at == dot or digits + at - dot > 15:
        return -1, whole, 0, True, negative
    return at, whole, at - dot, True, negative


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


def _known(data: Any, start: int, stop: int, slots: Any, words: Any, bits: int) -> int:  # noqa: ANN401
    """The number of the name data[start:stop]; -1: not in the table. The hash is `NameTable`'s."""
    size = stop - start
    if size == 0 or size > 64:
        return -1
    mixed = np.uint64(0)
    count = (size + 7) // 8
    packed = np.zeros(8, np.uint64)
    for k in range(count):
        word = np.uint64(0)
        for j in range(min(8, size - 8 * k)):
            word |= np.uint64(data[start + 8 * k + j]) << np.uint64(8 * j)
        packed[k] = word
        mixed = (mixed ^ word) * _MIX
    slot = np.int64(mixed >> np.uint64(64 - bits))
    while slots[slot]:
        number = slots[slot] - 1
        same = count == 8 or words[number, count] == 0
        for k in range(count):
            same = same and words[number, k] == packed[k]
        if same:
            return int(number)
        slot = (slot + 1) & (len(slots) - 1)
    return -1


def _member(data: Any, start: int, stop: int, keys: Any, sizes: Any, guess: int) -> int:  # noqa: ANN401
    """Which of `keys` stands at data[start:stop]; -1: none. `guess` is tried first."""
    for turn in range(-1, len(sizes)):
        k = guess if turn < 0 else turn
        if k < 0 or sizes[k] != stop - start:
            continue
        same = True
        for j in range(stop - start):
            if keys[k, j] != data[start + j]:
                same = False
                break
        if same:
            return k
    return -1


_fast_text_end = njit(inline="always")(_text_end)
_fast_number = njit(inline="always")(_number)
_fast_word_end = njit(_word_end)
_fast_known = njit(_known)
_fast_member = njit(_member)


def _value(
    data: Any, at: int, key: int, slots: Any, words: Any, bits: int, row: int, device: Any, at_ms: Any, values: Any  # noqa: ANN401
) -> int:  # fmt: skip
    """Read the value at `at` into its place (key 0: device, 1: time, -1: nowhere); where it ends, or -1: leave the line aside."""
    c = data[at]
    if c == _QUOTE:
        end = _fast_text_end(data, at + 1)
        if end < 0 or key > 0:
            return -1
        if key == 0:
            device[row] = _fast_known(data, at + 1, end, slots, words, bits)
            if device[row] < 0:
                return -1
        return end + 1
    if c != _MINUS and not _ZERO <= c <= _NINE:
        return -1 if key >= 0 else _fast_word_end(data, at)
    at, whole, behind, dotted, negative = _fast_number(data, at)
    if at < 0 or key == 0 or (key == 1 and (dotted or negative)) or (key > 1 and negative and whole == 0):
        return -1
    if key == 1:
        at_ms[row] = whole
    elif key > 1:
        value = whole / _TENS[behind]
        values[key - 2, row] = -value if negative else value
    return at


_fast_value = njit(inline="always")(_value)


def _line(data: Any, at: int, stop: int, keys: Any, sizes: Any, slots: Any, words: Any, bits: int, row: int, out: Any) -> bool:  # noqa: ANN401
    """Read the object data[at:stop] into row `row` of `out` (device, time, values); False: leave it aside."""
    device, at_ms, values = out
    have, want = 0, (1 << len(sizes)) - 1
    guess = 0
    if at >= stop or data[at] != _OPEN:
        return False
    at += 1
    while True:
        if at >= stop or data[at] != _QUOTE:
            return False
        end = _fast_text_end(data, at + 1)
        if end < 0 or end + 2 >= stop or data[end + 1] != _COLON:
            return False
        key = _fast_member(data, at + 1, end, keys, sizes, guess)
        at = end + 2
        if data[at] == _SPACE:
            at += 1
        if key >= 0:
            if have >> key & 1:
                return False
            have |= 1 << key
            guess = key + 1 if key + 1 < len(sizes) else -1
        at = _fast_value(data, at, key, slots, words, bits, row, device, at_ms, values)
        if at < 0 or at >= stop:
            return False
        if data[at] == _CLOSE:
            return at + 1 == stop and have == want
        if data[at] != _COMMA:
            return False
        at += 1
        if at < stop and data[at] == _SPACE:
            at += 1


_fast_line = njit(_line)


def _scan(
    data: Any, keys: Any, sizes: Any, slots: Any, words: Any, bits: int, number: Any, device: Any, at_ms: Any, values: Any, aside: Any  # noqa: ANN401
) -> Any:  # fmt: skip # noqa: ANN401
    at = line = read = left = 0
    while at < len(data):
        stop = at
        while stop < len(data) and data[stop] != _NEWLINE:
            stop += 1
        if stop > at:
            if _fast_line(data, at, stop, keys, sizes, slots, words, bits, read, (device, at_ms, values)):
                number[read] = line
                read += 1
            else:
                aside[left, 0], aside[left, 1], aside[left, 2] = line, at, stop
                left += 1
        line += 1
        at = stop + 1
    return read, left


scan = njit(cache=True, nogil=True)(_scan)
