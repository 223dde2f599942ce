"""Flux text: strings that cannot leave their quotes, and answers with several tables, or with an error in the middle."""

from __future__ import annotations

import pytest

from city_model.faults import Unavailable
from stream_processor.stores.flux_text import rows_of_csv, text, time_ms

TWO = (
    b"#datatype,string,long,dateTime:RFC3339,double,string\r\n,result,table,_time,_value,device\r\n"
    b'_,_result,0,2026-01-01T00:00:00Z,1.5,"a,""b"""\r\n,_result,1,2026-01-01T00:00:00.25Z,2,c\r\n\r\n'
    b"#datatype,string,long,boolean\r\n,result,table,_value\r\n,_result,2,true\r\n\r\n"
)


def test_tables_of_several_types_come_as_rows_with_their_types() -> None:
    rows = list(rows_of_csv(TWO))
    assert [(row["_value"], row["#_value"], row.get("device")) for row in rows] == [
        ("1.5", "double", 'a,"b"'), ("2", "double", "c"), ("true", "boolean", None),
    ]  # fmt: skip


def test_an_error_in_the_middle_of_an_answer_is_no_short_answer() -> None:
    broken = TWO + b"#datatype,string,string\r\n,error,reference\r\n,out of memory,897\r\n"
    with pytest.raises(Unavailable, match="out of memory"):
        list(rows_of_csv(broken))


def test_nothing_found_is_no_rows() -> None:
    assert list(rows_of_csv(b"")) == list(rows_of_csv(b"\r\n\r\n")) == []


@pytest.mark.parametrize(
    ("written", "at_ms"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2026-01-01T00:00:00.25Z", 1_767_225_600_250),
        ("2026-01-01T00:00:00.123456789Z", 1_767_225_600_123),
        ("1969-12-31T23:59:59.999Z", -1),
    ],
)
def test_times_are_milliseconds(written: str, at_ms: int) -> None:
    assert time_ms(written) == at_ms


def test_a_string_cannot_leave_its_quotes() -> None:
    assert text('a") |> drop() // ${v.x} \\ \n') == '"a\\") |> drop() // \\${v.x} \\\\ \\n"'
