"""Numbers of JSON text by vector operations: eight bytes are one word, and a word's digits are added up in three multiplications.

A number of at most 15 digits without an exponent is a whole number below 2^53 over a power of ten up to 10^15, both exact, so their
quotient is the correctly rounded value (Clinger 1990). What is anything else is not refused but not read: the caller asks a full decoder.
Words are little-endian, so the first character lies in the lowest byte; where a word is shorter than its text, the text's end is aligned.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
MARGIN = 80
"""Bytes that must stand before and behind the text, so that words around its ends may be loaded."""
_IN_CACHE = 1 << 17
_LONGEST_NUMBER = 16
_MOST_DIGITS = 15
_MINUS, _ZERO = 45, 48
_TENS = np.array([10.0**k for k in range(_LONGEST_NUMBER)])


def _eightfold(byte: int) -> np.uint64:
    return np.uint64(byte * 0x0101_0101_0101_0101)


_ONES, _HIGH, _ASCII_ZEROS = _eightfold(1), _eightfold(0x80), _eightfold(_ZERO)
_OVER_NINE = _eightfold(0x76)
_DOTS = _eightfold(ord(".") ^ _ZERO)
_DOT = np.uint64(ord(".") ^ _ZERO)
_PLACES = np.uint64(0x0706_0504_0302_0100)
_U0, _U1, _U7, _U8, _U16, _U32, _U56, _U64 = (np.uint64(n) for n in (0, 1, 7, 8, 16, 32, 56, 64))
_TEN, _HUNDRED, _TEN_THOUSAND = np.uint64(10), np.uint64(100), np.uint64(10_000)
_PAIRS, _FOURS = np.uint64(0x00FF_00FF_00FF_00FF), np.uint64(0x0000_FFFF_0000_FFFF)


class Text:
    """Bytes with a margin of `MARGIN` on both sides; positions count from the beginning of the margin."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.bytes = np.frombuffer(data, np.uint8)

    def words(self, at: Ints, count: int = 1) -> Words:
        """`count` words from each position: shape (*at.shape, count)."""
        size = 8 * count
        every = np.ndarray((len(self.data) - size + 1,), f"V{size}", self.data, 0, (1,))
        return every[at].view("<u8").reshape(*at.shape, count)

    def places(self, wanted: bytes) -> Ints:
        """Where any of the bytes `wanted` stands, the last of the margin before and the first of that behind included."""
        found = []
        for at in range(MARGIN - 1, len(self.data) - MARGIN + 1, _IN_CACHE):
            part = self.bytes[at : min(at + _IN_CACHE, len(self.data) - MARGIN + 1)]
            is_wanted = part == wanted[0]
            for byte in wanted[1:]:
                is_wanted |= part == byte
            found.append(np.flatnonzero(is_wanted) + at)
        return np.concatenate(found)


class Numbers(NamedTuple):
    """`good` says which were read; `whole` which of them have no dot and no sign."""

    good: Bools
    whole: Bools
    value: NDArray[np.float64]


def numbers(text: Text, start: Ints, stop: Ints) -> Numbers:
    """The numbers that stand at start … stop (arrays of one shape)."""
    first = text.bytes[start]
    minus = first == _MINUS
    signed = bool(minus.any())
    if signed:
        start = start + minus
        first = text.bytes[start]
    size = stop - start
    good = (size > 0) & (size <= _LONGEST_NUMBER)
    if int(size.max(initial=0)) <= 8:
        digits, decimals, dotted = _short(text, stop, size)
        value = _sum(digits).astype(np.float64)
        good &= _are_digits(digits)
    else:
        high, low, decimals, dotted, one_dot = _long(text, stop, size)
        value = (_sum(low) * np.uint64(100_000_000) + _sum(high)).astype(np.float64)
        good &= _are_digits(high) & _are_digits(low) & one_dot & (size - dotted <= _MOST_DIGITS)
    before_dot = size - decimals - dotted
    good &= (before_dot == 1) | ((before_dot > 1) & (first != _ZERO))
    good &= ~dotted | (decimals > 0)
    value /= _TENS[decimals]
    if signed:
        good &= ~(minus & (value == 0.0))
        value = np.where(minus, -value, value)
    return Numbers(good, ~(dotted | minus), value)


def _short(text: Text, stop: Ints, size: Ints) -> tuple[Words, Ints, Bools]:
    """(digits without the dot, digits behind the dot, has one) of up to eight characters."""
    word = _tail(text.words(stop - 8)[..., 0], size)
    word, dot = _without_dot(word)
    dotted: Bools = dot != _U0
    return _closed_up(word, dot, dotted), _decimals(dot), dotted


def _long(text: Text, stop: Ints, size: Ints) -> tuple[Words, Words, Ints, Bools, Bools]:
    """Likewise of up to sixteen: the last eight digits, those before, digits behind the dot, has one, has not two."""
    both = text.words(stop - 16, 2)
    low, low_dot = _without_dot(_tail(both[..., 0], size - 8))
    high, high_dot = _without_dot(_tail(both[..., 1], size))
    in_low: Bools = low_dot != _U0
    in_high: Bools = high_dot != _U0
    shift = in_high.astype(np.uint64) * _U8
    last = _closed_up(high, high_dot, in_high) | (low >> (_U64 - shift))  # a shift by 64 leaves nothing
    before = _closed_up(low, low_dot, in_low) << shift
    decimals: Ints = np.where(in_low, _decimals(low_dot) + 8, _decimals(high_dot))
    return last, before, decimals, in_low | in_high, ~(in_low & in_high)


def _closed_up(word: Words, dot: Words, dotted: Bools) -> Words:
    """The characters before the dot moved to its place."""
    before = dot - _U1
    moved: Words = (word & ~before) | ((word & before) << (dotted.astype(np.uint64) * _U8))
    return moved


def _tail(word: Words, size: Ints) -> Words:
    """The last `size` characters as digits, 0 before them: a shift by 64 or more leaves nothing, as numpy has it."""
    shift = (64 - 8 * np.clip(size, 0, 8)).astype(np.uint64)
    return ((word ^ _ASCII_ZEROS) >> shift) << shift


def _without_dot(word: Words) -> tuple[Words, Words]:
    """The word with a 0 for its first dot, and the highest bit of that byte (0: there is none)."""
    other = word ^ _DOTS
    found = (other - _ONES) & ~other & _HIGH
    dot = found & (_U0 - found)
    return word ^ ((dot >> _U7) * _DOT), dot


def _decimals(dot: Words) -> Ints:
    """How many characters stand behind the dot: the place of its byte, counted from the end."""
    return (((dot >> _U7) * _PLACES) >> _U56).astype(np.int64)


def _are_digits(word: Words) -> Bools:
    high: Bools = ((word | (word + _OVER_NINE)) & _HIGH) == _U0
    return high


def _sum(word: Words) -> Words:
    """The number that eight digits spell."""
    word = (word * _TEN + (word >> _U8)) & _PAIRS
    word = (word * _HUNDRED + (word >> _U16)) & _FOURS
    return (word * _TEN_THOUSAND + (word >> _U32)) & np.uint64(0xFFFF_FFFF)
