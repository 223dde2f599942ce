"""JSON lines into columns: bad messages are told apart exactly, and a block is what its messages are one by one."""

from __future__ import annotations

import json

import msgspec
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stream_processor.core.lines import Block, LineDecoder, LineFormat
from stream_processor.core.names import NameTable

FORM = LineFormat("id", "ts", (("pm25", 0.0, 1000.0), ("t", -40.0, 85.0)))
GOOD = b'{"id":"air-1","ts":1795600800063,"pm25":19.6,"t":-3.5,"fw":"1.4.2","ok":true}'


def shown(decoder: LineDecoder, block: Block) -> tuple[list[tuple[str, int, float, float]], list[int]]:
    names = [decoder.devices[i] for i in block.device.tolist()]
    return list(zip(names, block.at_ms.tolist(), *(row.tolist() for row in block.values), strict=True)), list(block.bad)


def both(data: bytes) -> tuple[list[tuple[str, int, float, float]], list[int]]:
    """What a block is, at first sight of its devices and when all are known, and what its messages are one by one."""
    decoder, alone = LineDecoder(FORM), LineDecoder(FORM)
    results = [shown(decoder, decoder.decode(data)), shown(decoder, decoder.decode(data))]
    rows, bad = [], []
    for number, message in enumerate(data.split(b"\n")):
        one, refused = shown(alone, alone.decode(message))
        rows += one
        bad += [number] * len(refused)
    assert all(repr(result) == repr((rows, bad)) for result in results)
    return rows, bad


@pytest.mark.parametrize(
    "bad",
    [
        b'{"id":"air-1","ts":1795600800063,"pm25":9999.0,"t":1}',
        b'{"id":"air-1","ts":1795600800063,"pm25":null,"t":1}',
        b'{"id":"air-1","ts":1795600800063,"pm25":1,"t":"n/a"}',
        b'{"id":"air-1","ts":1795600800063,"pm25":true,"t":1}',
        b'{"id":"air-1","ts":1795600800063.0,"pm25":1,"t":1}',
        b'{"id":"air-1","ts":-1,"pm25":1,"t":1}',
        b'{"id":"air-1","ts":9007199254740992,"pm25":1,"t":1}',
        b'{"id":"air-1","pm25":1,"t":1}',
        b'{"id":7,"ts":1,"pm25":1,"t":1}',
        b'{"id":"air-1","ts":1,"pm25":01,"t":1}',
        b'{"id":"air-1","ts":1,"pm25":NaN,"t":1}',
        b'{"id":"air-1","ts":1,"pm25":1,"t":1',
        b'{"id":"air-1","ts":1,"pm25":1,"t":1}}',
        b'[1]',
    ],
)  # fmt: skip
def test_a_bad_message_is_told_apart_and_spoils_no_other(bad: bytes) -> None:
    rows, found = both(b"\n".join([GOOD, bad, b"", GOOD, bad]))
    assert rows == [("air-1", 1795600800063, 19.6, -3.5)] * 2
    assert found == [1, 4]


def test_members_may_stand_in_any_order_be_escaped_and_come_twice() -> None:
    odd = [
        '{"t": 1e1, "pm25": 2, "ts": 5, "id": "Trạm \\u0031"}'.encode(),
        b' {"id":"a","ts":6,"pm25":1,"pm25":2,"t":0,"nested":{"pm25":7}} ',
        b'{"\\u0069d":"b","ts":4503599627370497,"pm25":0.12345678901234567,"t":-0}',
    ]
    rows, bad = both(b"\n".join(odd))
    assert not bad
    assert rows == [("Trạm 1", 5, 2.0, 10.0), ("a", 6, 2.0, 0.0), ("b", 4503599627370497, 0.12345678901234567, 0.0)]


numbers = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False, width=64), st.integers(-(10**17), 10**17), st.decimals(-99, 999, places=3).map(float),
    st.none(), st.booleans(), st.text(max_size=3),
)  # fmt: skip


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """A message, sometimes with a byte changed or its end cut off."""
    row = {"id": draw(st.sampled_from(["a", "air-1", "air-22", "x" * 70, ""])), "ts": draw(st.integers(-5, 2**54))}
    row |= {"pm25": draw(numbers), "t": draw(numbers)}
    if draw(st.booleans()):
        row |= {"fw": "1.4", "list": [1, {}]} if draw(st.booleans()) else {"z": draw(st.text(max_size=4))}
    body = bytearray(
        json.dumps(row, ensure_ascii=draw(st.booleans()), separators=draw(st.sampled_from([(",", ":"), (", ", ": ")]))).encode()
    )
    if draw(st.integers(0, 3)) == 0:
        body[draw(st.integers(0, len(body) - 1))] = draw(st.integers(11, 255))
    return bytes(body[: draw(st.integers(1, len(body)))] if draw(st.integers(0, 5)) == 0 else body).replace(b"\n", b" ")


@given(st.lists(messages(), max_size=12))
@settings(max_examples=100, deadline=None)
@example([b'{"id":"a","ts":1,"pm25":1,"t":1}', b'{"id":"\xff","ts":1,"pm25":1,"t":1}'])
def test_a_block_is_what_its_messages_are_one_by_one(given_messages: list[bytes]) -> None:
    rows, bad = both(b"\n".join(given_messages))
    assert len(rows) + len(bad) == len([m for m in given_messages if m])


@given(st.decimals(min_value=0, max_value=999, places=6, allow_nan=False))
def test_numbers_are_rounded_as_python_rounds_them(value: object) -> None:
    rows, _ = both(b'{"id":"a","ts":1,"pm25":%s,"t":0}' % str(value).encode())
    assert rows[0][2] == float(str(value))


def test_a_big_block_of_ids_of_one_length_is_viewed_and_one_of_many_is_not() -> None:
    for ids in ([f"hn-{i:05d}" for i in range(3000)], [f"hn-{i}" for i in range(3000)]):
        data = b"\n".join(
            msgspec.json.encode({"id": name, "ts": 1795600800000 + i, "pm25": i % 900, "t": 1.5}) for i, name in enumerate(ids)
        )
        rows, bad = both(data)
        assert not bad
        assert rows == [(name, 1795600800000 + i, float(i % 900), 1.5) for i, name in enumerate(ids)]


def test_names_keep_their_numbers_while_the_table_grows() -> None:
    table = NameTable()
    names = np.array([f"sensor-{i:06d}".encode() for i in range(5000)])
    block = names.view(np.uint8).reshape(5000, -1)
    first = table.numbers(block)
    assert first.tolist() == list(range(5000))
    assert table.numbers(block[::-1]).tolist() == list(range(4999, -1, -1))
    assert table.number("sensor-000042") == 42
