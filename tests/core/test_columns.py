"""One decoder for many devices: lines, packed columns and SenML packs of the same readings are the same columns."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from city_model.codec import packed, senml
from city_model.events import Readings
from city_model.faults import Rejected
from stream_processor.core.columns import Columns, Decoder, Dialect
from stream_processor.core.lines import LineFormat

FORM = LineFormat("id", "ts", (("pm25", 0.0, 1000.0),))
AT_MS = 1_795_600_800_063
Rows = list[tuple[str, int, float]]
rows = st.lists(
    st.tuples(st.sampled_from(["air-1", "air-22", "air-333"]), st.integers(AT_MS, AT_MS + 10**9), st.sampled_from([0.0, 0.1, 19.6, 999.9])),
    min_size=1, max_size=20,
)  # fmt: skip


def shown(decoder: Decoder, columns: Columns) -> Rows:
    names = [decoder.devices[row] for row in columns.row.tolist()]
    return list(zip(names, columns.at_ms.tolist(), columns.value.tolist(), strict=True))


def decoded(data: bytes, dialect: Dialect) -> tuple[Rows, int]:
    decoder = Decoder("pm25", FORM)
    columns = decoder.decode(data, dialect)
    assert shown(decoder, decoder.decode(data, dialect)) == shown(decoder, columns)
    return shown(decoder, columns), columns.bad


def as_packed(given_rows: Rows) -> bytes:
    names = tuple(dict.fromkeys(f"{device}/{quantity}" for device, _, _ in given_rows for quantity in ("humidity", "pm25")))
    wanted = [names.index(f"{device}/pm25") for device, _, _ in given_rows]
    index = np.array([*wanted, 0], np.uint16)
    times, values = [at for _, at, _ in given_rows], [x for _, _, x in given_rows]
    return packed.encode(Readings(names, index, np.array([*times, AT_MS], np.int64), np.array([*values, 50.0])))


def pack(device: str, at_ms: int, x: float) -> str:
    first = {"bn": f"{device}:", "bt": at_ms / 1000, "n": "pm25", "u": "ug/m3", "v": x}
    return json.dumps([first, {"n": "humidity", "u": "%RH", "v": 60.0, "t": 1.0}])


@given(rows)
@settings(max_examples=60, deadline=None)
def test_every_dialect_gives_the_same_columns(given_rows: Rows) -> None:
    lines = b"\n".join(json.dumps({"id": device, "ts": at, "pm25": x}).encode() for device, at, x in given_rows)
    packs = "\n".join(pack(*row) for row in given_rows).encode()
    assert decoded(lines, "lines") == (given_rows, 0)
    assert decoded(as_packed(given_rows), "packed") == (given_rows, 0)
    assert decoded(packs, "senml") == (given_rows, 0)


@pytest.mark.parametrize(
    "text",
    [
        '[{"bn":"air-1:","n":"pm25","v":3.5,"t":1795600800.5},{"bn":"air-1/","bt":1795600800,"n":"pm25","v":1,"t":2}]',
        '[{"n":"air-1:pm25","u":"µg/m3","v":3.5,"t":1795600800.25}]',
        '[{"bn":"air-1:","bt":1795600800,"bu":"ug/m3","bv":10,"n":"pm25","v":1},{"n":"pm25","v":2.5,"t":-60}]',
        '[{"bn":"air-1:","n":"pm25","v":3.5,"t":-5}]',
        '[{"bn":"air-1:","bt":1795600800},{"n":"pm25","v":3.5,"x":1}]',
    ],
)
def test_a_pack_of_another_form_is_read_as_the_full_decoder_reads_it(text: str) -> None:
    expected = senml.decode(text.encode(), AT_MS)
    decoder = Decoder("pm25", FORM)
    columns = decoder.decode(text.encode(), "senml", AT_MS)
    assert shown(decoder, columns) == [("air-1", at, x) for at, x in zip(expected.at_ms.tolist(), expected.value.tolist(), strict=True)]


@pytest.mark.parametrize(
    "text",
    [
        '[{"bn":"air-1:","n":"pm25","v":3.5,"t":1795600800},{"bn":"air-2:","n":"pm25","v":3.5,"t":1795600800}]',
        '[{"n":"pm25","v":3.5,"t":1795600800}]',
        '[{"bn":"air-1:","n":"pm25","u":"kg","v":3.5,"t":1795600800}]',
        '[{"bn":"air-1:","n":"noise","v":3.5,"t":1795600800}]',
        '[{"bn":"air-1:","n":"pm25","v":3.5,"t":1795600800,"must_":1}]',
        '[{"bn":"air-1:","n":"pm25","t":1795600800}]',
        '[{"bn":"air-1:"',
    ],
)
def test_a_bad_pack_is_counted_and_spoils_no_other(text: str) -> None:
    good = pack("air-7", AT_MS, 2.5)
    assert decoded(f"{good}\n{text}\n{good}".encode(), "senml") == ([("air-7", AT_MS, 2.5)] * 2, 1)


def test_packed_columns_whose_series_name_no_device_are_refused() -> None:
    bare = packed.encode(Readings(("pm25",), np.zeros(1, np.uint16), np.array([AT_MS]), np.ones(1)))
    with pytest.raises(Rejected, match="names no device"):
        Decoder("pm25", FORM).decode(bare, "packed")
