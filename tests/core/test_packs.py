"""Packs read all at once are what the full decoder makes of each: shapes, numbers, refusals, to the bit."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from city_model.codec import senml
from city_model.faults import Rejected
from stream_processor.core.flat_numbers import MARGIN, Text, numbers
from stream_processor.core.names import NameTable
from stream_processor.core.packs import PackDecoder

NOW_MS = 1_795_600_800_063
Rows = list[tuple[str, int, float]]


def one_by_one(packs: list[bytes]) -> tuple[Rows, int]:
    """Every pack by the full decoder; pm25 of what it accepts."""
    rows: Rows = []
    bad = 0
    for pack in packs:
        try:
            device, readings = senml.decode_of_device(pack, NOW_MS)
        except Rejected:
            bad += bool(pack)
            continue
        columns = zip(readings.name_index.tolist(), readings.at_ms.tolist(), readings.value.tolist(), strict=True)
        rows += [(device, at, value) for k, at, value in columns if readings.names[k] == "pm25"]
    return rows, bad


def at_once(packs: list[bytes]) -> tuple[Rows, int]:
    table = NameTable()
    decoder = PackDecoder(table, "pm25")
    for _ in range(2):  # the second time all shapes are known
        found = decoder.decode(b"\n".join(packs), NOW_MS)
        names = [table.names[row] for row in found.row.tolist()]
        rows = list(zip(names, found.at_ms.tolist(), found.value.tolist(), strict=True))
    return rows, found.bad


numbers_text = st.one_of(
    st.decimals(-999, 999, places=1).map(str), st.decimals(0, 9_999_999, places=3).map(str), st.integers(-5, 10**9).map(str),
    st.floats(0, 1e17, allow_nan=False).map(repr), st.sampled_from(["-0", "-0.0", "1e1", "01", "1.", ".5", "-", "null", "true", '"1"', ""]),
)  # fmt: skip
fine_text = st.decimals(0, 999, places=2).map(str)
kinds = st.sampled_from(
    [('"pm25"', '"ug/m3"'), ('"pm10"', '"ug/m3"'), ('"temperature"', '"Cel"'), ('"pm25"', ""), ('"pm25"', '"kg"'), ('"noise"', "")]
)
spaces = st.sampled_from([(",", ":"), (", ", ": ")])


@st.composite
def pack(draw: st.DrawFn) -> bytes:
    """A pack that is mostly good: few shapes, sometimes an odd number, a changed byte or a missing end."""
    comma, colon = draw(spaces)
    numbers_of = fine_text if draw(st.integers(0, 2)) else numbers_text
    chosen = draw(st.lists(kinds if draw(st.integers(0, 3)) == 0 else st.just(('"pm25"', '"ug/m3"')), min_size=1, max_size=3))
    order = draw(st.permutations(["n", "u", "v", "t"]))
    records = []
    for k in range(draw(st.integers(1, 8))):
        name, unit = chosen[k % len(chosen)]
        members = {"n": name, "u": unit, "v": draw(numbers_of), "t": draw(numbers_of)}
        texts = [f'"{key}"{colon}{members[key]}' for key in order if members[key]]
        if k == 0:
            base = draw(st.sampled_from(['"bn"#"air-1:"', '"bn"#"a/"', '"bn"#"air-1"', '"bn"#"air-1:","bv"#2.5', '"bu"#"ug/m3","bn"#"x:"']))
            texts = [base.replace("#", colon), f'"bt"{colon}{draw(st.sampled_from(["1795600804.777", "1795600804", "5", "9e12"]))}', *texts]
        records.append("{" + comma.join(texts) + "}")
    body = bytearray(("[" + comma.join(records) + "]").encode())
    if draw(st.integers(0, 3)) == 0:
        body[draw(st.integers(0, len(body) - 1))] = draw(st.sampled_from(list(b'",:{}[]0159.-_ntvub\\ x\xff')))
    return bytes(body[: draw(st.integers(1, len(body)))] if draw(st.integers(0, 9)) == 0 else body)


@given(st.lists(pack(), max_size=5))
@settings(max_examples=200, deadline=None)
@example([b'[{"bn":"a:","bt":1795600804,"n":"pm25","v":1},{"n":"pm25","v":2,"t":1}}'])
@example([b'[{"bn":"a:","bt":1795600804,"n":"pm25","v":1},{"n":"pm25","v":2,"t":1}]x'])
@example([b'[{"bn":"a:","bt":1795600804,"n":"pm25","v":1},{"n":"pm25","v":2,"v":1}]', b"", b"[]"])
def test_packs_at_once_are_what_each_is_by_itself(packs: list[bytes]) -> None:
    assert repr(at_once(packs)) == repr(one_by_one(packs))


def test_many_packs_of_four_quantities() -> None:
    four = [("pm25", "ug/m3"), ("pm10", "ug/m3"), ("temperature", "Cel"), ("humidity", "%RH")]
    rng = np.random.default_rng(3)
    packs = []
    for k in range(200):
        records: list[dict[str, Any]] = [
            {"n": name, "u": unit, "v": round(float(rng.lognormal(3, 1)), 1), "t": 60.0 * i} for i in range(64) for name, unit in four
        ]
        records[0] = {"bn": f"hn-{k % 50}:", "bt": 1795600800.5} | records[0]
        packs.append(json.dumps(records, separators=(",", ":")).encode())
    rows, bad = at_once(packs)
    assert len(rows) == 200 * 64
    assert (rows, bad) == one_by_one(packs)


@pytest.mark.parametrize(
    "text", ["0", "7", "10.5", "-3.25", "0.001", "12345678", "123456789.25", "1795600800063", "105.85714", "21.02851234", "0.30000000001"]
)
def test_a_number_is_read_as_python_reads_it(text: str) -> None:
    data = b" " * MARGIN + text.encode() + b"," + b" " * MARGIN
    found = numbers(Text(data), np.array([MARGIN]), np.array([MARGIN + len(text)]))
    assert found.good.tolist() == [True]
    assert found.value.tolist() == [float(text)]


@given(st.text(st.sampled_from("0123456789.-"), min_size=0, max_size=18))
@settings(max_examples=500, deadline=None)
def test_what_is_no_number_is_not_read_as_one(text: str) -> None:
    data = b" " * MARGIN + text.encode() + b"," + b" " * MARGIN
    found = numbers(Text(data), np.array([MARGIN]), np.array([MARGIN + len(text)]))
    if found.good[0]:
        assert float(json.loads(text)) == found.value[0]
