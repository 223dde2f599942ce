"""Records of SenML packs that look like each other, read all at once: the text between the numbers is compared, the numbers are added up.

A sender writes the same quantities in the same units again and again, so all of a record but its numbers is one of few shapes. A `Shape`
is learnt from a record that fits none of those known; what has none (base fields, escapes, nesting, unknown quantities) is left to the
caller.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from city_model.quantities import QUANTITIES
from stream_processor.core.flat_numbers import MARGIN, Bools, Ints, Text, Words, numbers

_UNITS = tuple(dict.fromkeys(quantity.unit for quantity in QUANTITIES.values()))
_MOST_SHAPES = 64
_NEW_SHAPES = 16
_AT_ONCE = 8000
"""Records whose words stay in the processor's cache (measured)."""
_LONGEST_TEXT = 64
_SIGN = 1
"""The word by which shapes are told apart at a glance: the name stands there."""
_MEMBER = re.compile(rb'([{,] ?"([^"\\\x00-\x1f\x7f-\xff]{1,32})": ?)("[^"\\,\x00-\x1f\x7f-\xff]{0,32}"|-?[0-9][0-9.]*)(?=[,}])')
_BASES = {"bn", "bt", "bu", "bv", "bs", "bver"}


class Record(msgspec.Struct, gc=False, kw_only=True):
    """What we read of a record; names and units are literals, so that no string is made for them."""

    v: float
    t: float = 0.0
    n: Literal[tuple(QUANTITIES)]  # type: ignore[valid-type]  # made at run time
    u: Literal[("", *_UNITS)] = ""  # type: ignore[valid-type]  # as above
    bn: str | None = None
    bt: float | None = None
    bu: str | None = None
    bv: float | None = None

    def fits(self) -> bool:
        """Whether the quantity stands in its unit."""
        return self.u in ("", QUANTITIES[self.n].unit)


decode_record = msgspec.json.Decoder(Record).decode


class _Piece(NamedTuple):
    """Fixed text from the mark before member `first` on, then the number of member `number` (None: the record ends)."""

    first: int
    words: list[tuple[np.uint64, np.uint64]]
    size: int
    number: int | None


@dataclass(frozen=True, slots=True)
class Shape:
    """`members` are counted, of which `value` and `time` (None: always 0) are numbers of the record of `quantity`."""

    text: bytes
    members: int
    pieces: tuple[_Piece, ...]
    quantity: str
    value: int
    time: int | None


def shape_of(text: bytes) -> Shape | None:
    """The shape of a record without base fields, `text` being all from the comma before it to its brace. None: it has none."""
    at = len(text) - len(text.lstrip(b" "))
    fixed, first = text[:at], 0
    pieces: list[_Piece] = []
    names: list[str] = []
    number: dict[str, int] = {}
    while found := _MEMBER.match(text, at):
        name, is_number = found[2].decode(), found[3][:1] != b'"'
        fixed += found[1] if fixed or not pieces else found[1][1:]
        if is_number:
            number[name] = len(names)
            pieces.append(_piece(first, fixed, len(names)))
            fixed, first = b"", len(names) + 1
        else:
            fixed += found[3]
        names.append(name)
        at = found.end()
    if fixed:
        pieces.append(_piece(first, fixed, None))
    if text[at:] != b"}" or len(set(names)) < len(names) or _BASES & set(names) or any(name.endswith("_") for name in names):
        return None
    try:
        record = decode_record(text)
    except msgspec.DecodeError:
        return None
    if not record.fits() or not number.keys() <= {"v", "t"} or any(piece.size > _LONGEST_TEXT for piece in pieces):
        return None
    return Shape(_numberless(text), len(names), tuple(pieces), record.n, number["v"], number.get("t"))


def _numberless(text: bytes) -> bytes:
    return _MEMBER.sub(lambda found: found[1] + (found[3] if found[3][:1] == b'"' else b""), text)


def _piece(first: int, text: bytes, number: int | None) -> _Piece:
    count = -(-len(text) // 8)
    words = np.frombuffer(text.ljust(8 * count, b"\0"), "<u8")
    masks = np.frombuffer((b"\xff" * len(text)).ljust(8 * count, b"\0"), "<u8")
    return _Piece(first, list(zip(words, masks, strict=True)), len(text), number)


class Marked(NamedTuple):
    """A block of packs, a pack a line. `marks` are the places of commas and line ends; record i lies between `ends[i]` and `ends[i + 1]`,
    which index it; `brace` (records,) is where each should end. `first` (packs,) are the records that begin a line, which a bracket should
    have `closed`."""

    text: Text
    marks: Ints
    ends: Ints
    brace: Ints
    first: Ints
    closed: Bools

    @classmethod
    def of(cls, data: bytes) -> Marked:
        """Find them. `data` must not be empty."""
        text = Text(b"\n".rjust(MARGIN) + data + b"\n".ljust(MARGIN))
        marks = text.places(b",\n")
        is_line_end = text.bytes[marks] == ord("\n")
        ends = np.flatnonzero(is_line_end | (text.bytes[marks - 1] == ord("}")))
        line_end = is_line_end[ends]
        closed = text.bytes[marks[ends[1:]][line_end[1:]] - 1] == ord("]")
        return cls(text, marks, ends, marks[ends[1:]] - 1 - line_end[1:], np.flatnonzero(line_end[:-1]), closed)

    def record(self, i: int) -> bytes:
        """The text of a record from the comma or line end before it to its brace."""
        return self.text.data[int(self.marks[self.ends[i]]) + 1 : int(self.brace[i]) + 1]

    def line(self, pack: int) -> bytes:
        """All of a pack."""
        after = self.first[pack + 1] if pack + 1 < len(self.first) else len(self.brace)
        return self.text.data[int(self.marks[self.ends[self.first[pack]]]) + 1 : int(self.marks[self.ends[after]])]


class Found(NamedTuple):
    """Records of a block, arrays of shape (records,): which were read, which are of the wanted quantity, their numbers."""

    good: Bools
    wanted: Bools
    seconds: NDArray[np.float64]
    value: NDArray[np.float64]


class RecordReader:
    """Knows the shapes met so far."""

    def __init__(self, quantity: str) -> None:
        self._quantity = quantity
        self._shapes: dict[bytes, Shape] = {}

    def read(self, block: Marked) -> Found:
        """All records that have a shape; those that begin a pack are left out."""
        n = len(block.brace)
        out = Found(np.zeros(n, np.bool_), np.zeros(n, np.bool_), np.zeros(n), np.zeros(n))
        begins = np.zeros(n, np.bool_)
        begins[block.first] = True
        rest = np.flatnonzero(~begins & (block.text.bytes[block.brace] == ord("}")))
        sign = block.text.words(block.marks[block.ends[:-1]] + (1 + 8 * _SIGN))[:, 0]
        for shape in tuple(self._shapes.values()):
            rest = self._take(block, sign, shape, rest, out)
        for _ in range(_NEW_SHAPES):
            if not len(rest):
                break
            new = shape_of(block.record(int(rest[0])))
            if new is None or new.text in self._shapes:
                rest = rest[1:]
                continue
            if len(self._shapes) >= _MOST_SHAPES:
                self._shapes.pop(next(iter(self._shapes)))
            self._shapes[new.text] = new
            rest = self._take(block, sign, new, rest, out)
        return out

    def _take(self, block: Marked, sign: Words, shape: Shape, rest: Ints, out: Found) -> Ints:
        """Read those of the records `rest` that have the shape; which are left."""
        has = block.ends[rest + 1] - block.ends[rest] == shape.members
        if len(shape.pieces[0].words) > _SIGN:
            word, mask = shape.pieces[0].words[_SIGN]
            has &= (sign[rest] & mask) == word
        some = rest[has]
        same = np.ones(len(some), np.bool_)
        for at in range(0, len(some), _AT_ONCE):
            self._read(block, shape, some[at : at + _AT_ONCE], same[at : at + _AT_ONCE], out)
        has[has] = same
        left: Ints = rest[~has]
        return left

    def _read(self, block: Marked, shape: Shape, part: Ints, same: Bools, out: Found) -> None:
        """Read those of the records `part` that have the shape's text, and say in `same` which they are."""
        begin, brace = block.ends[part], block.brace[part]
        spans: list[tuple[Ints, Ints]] = []
        for piece in shape.pieces:
            at = block.marks[begin + piece.first] + 1
            same &= _begins(block.text.words(at, len(piece.words)), piece)
            behind = shape.members if piece.number is None else piece.number + 1
            spans.append((at + piece.size, brace if behind == shape.members else block.marks[begin + behind]))
        if not same.all():
            part, spans = part[same], [(start[same], stop[same]) for start, stop in spans]
        good = np.ones(len(part), np.bool_)
        for piece, (start, stop) in zip(shape.pieces, spans, strict=True):
            if piece.number is None:
                good &= start == stop
                continue
            found = numbers(block.text, np.minimum(start, stop), stop)
            good &= found.good
            if piece.number == shape.value:
                out.value[part] = found.value
            else:
                out.seconds[part] = found.value
        out.good[part] = good
        out.wanted[part] = shape.quantity == self._quantity


def _begins(found: Words, piece: _Piece) -> Bools:
    """Which of the words (n, words) are the piece's text."""
    same = np.ones(len(found), np.bool_)
    for k, (word, mask) in enumerate(piece.words):
        same &= (found[:, k] & mask) == word
    return same
