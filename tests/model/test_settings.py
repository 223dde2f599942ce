"""Settings: every problem at once, with file, key, what was found and what was expected."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from city_model.faults import ConfigError
from city_model.settings import between, from_table, load, matching


@dataclass(frozen=True, slots=True)
class Inner:
    name: str = matching(r"[a-z]+", "letters a-z")
    level: float = between(0, 1, default=0.5)


@dataclass(frozen=True, slots=True)
class Outer:
    count: int
    mode: Literal["fast", "slow"] = "fast"
    inner: tuple[Inner, ...] = ()
    spot: tuple[float, float] = (0.0, 0.0)
    limits: dict[str, float] = field(default_factory=dict)
    place: Path | None = None

    def check(self) -> Iterable[tuple[str, str, str]]:
        if self.mode == "slow" and self.count > 10:
            yield "count", str(self.count), "at most 10 when mode is slow"


def problems(table: dict[str, object]) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        from_table(Outer, table, "x.toml")
    return [str(problem) for problem in caught.value.problems]


def test_a_right_table_becomes_the_dataclass() -> None:
    table = {"count": 3, "inner": [{"name": "a"}, {"name": "b", "level": 1}], "spot": [1, 2.5], "limits": {"pm25": 35}, "place": "here"}
    assert from_table(Outer, table, "x.toml") == Outer(
        3, "fast", (Inner("a", 0.5), Inner("b", 1.0)), (1.0, 2.5), {"pm25": 35.0}, Path("here")
    )


def test_all_problems_come_at_once() -> None:
    found = problems({"count": "3", "mode": "medium", "inner": [{"name": "A", "level": 7}], "spot": [1], "limitz": {}})
    assert found == [
        "x.toml: limitz: no such setting; expected 'limits' perhaps",
        "x.toml: count: '3'; expected a whole number",
        "x.toml: mode: 'medium'; expected one of 'fast', 'slow'",
        "x.toml: inner[0].name: 'A'; expected letters a-z",
        "x.toml: inner[0].level: 7; expected 0..1".replace("7;", "7.0;"),
        "x.toml: spot: 1 values; expected 2 values",
    ]


def test_a_missing_key_says_what_it_should_hold() -> None:
    assert problems({}) == ["x.toml: count: is missing; expected a whole number"]


def test_an_unknown_key_without_a_near_one_lists_them_all() -> None:
    assert problems({"count": 1, "zzz": 1}) == ["x.toml: zzz: no such setting; expected one of count, inner, limits, mode, place, spot"]


def test_true_is_no_number() -> None:
    assert problems({"count": True}) == ["x.toml: count: True; expected a whole number"]


def test_checks_across_fields_run_once_the_fields_are_right() -> None:
    assert problems({"count": 11, "mode": "slow"}) == ["x.toml: count: 11; expected at most 10 when mode is slow"]


def test_a_table_where_a_list_is_wanted_is_a_problem_not_a_crash() -> None:
    assert problems({"count": 1, "inner": {"name": "a"}, "spot": "x", "limits": [1]}) == [
        "x.toml: inner: {'name': 'a'}; expected a list of a table",
        "x.toml: spot: 'x'; expected a list of 2 values",
        "x.toml: limits: [1]; expected a table",
    ]


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_nan_and_infinity_are_within_no_bounds(number: float) -> None:
    assert len(problems({"count": 1, "inner": [{"name": "a", "level": number}]})) == 1


def test_a_file_that_is_missing_unreadable_or_not_toml_is_one_problem(tmp_path: Path) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text("a = [", encoding="utf-8")
    latin = tmp_path / "latin.toml"
    latin.write_bytes("a = 'Đ'".encode("utf-16"))
    for path in (tmp_path / "none.toml", tmp_path, broken, latin):
        with pytest.raises(ConfigError) as caught:
            load(Outer, path)
        (problem,) = caught.value.problems
        assert problem.file == str(path)
