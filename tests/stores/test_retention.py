"""The embedded store forgets what it was told to, a little at each write, and never computes a rollup from half its points."""

from __future__ import annotations

from pathlib import Path

import pytest

from city_model.faults import ConfigError
from city_model.settings import from_table
from stream_processor.stores.embedded import EmbeddedStore
from stream_processor.stores.keep import FOR_EVER, Keep
from stream_processor.stores.open import open_store
from tests.stores.rows import points

T0 = 1_767_225_600_000
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
EVER = 1 << 60


class _At:
    def __init__(self, at_ms: int) -> None:
        self.at_ms = at_ms

    def now_ms(self) -> int:
        return self.at_ms

    async def sleep_until(self, at_ms: int) -> None:
        raise NotImplementedError


def old_and_new(store: EmbeddedStore, series: int = 3, each: int = 3_000) -> None:
    for name in range(series):
        store.write(points([(f"dev-{name}/pm25", T0 + i * 1000, float(i)) for i in range(each)]))


def test_raw_points_go_after_their_days_and_their_rollups_stay(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path / "x.db", Keep(raw_days=2, minute_days=10))
    old_and_new(store)
    before = store.rollup("dev-1/pm25", 0, EVER, MINUTE)
    store.write(points([("dev-9/pm25", T0 + 3 * DAY + n * MINUTE, 1.0) for n in range(2)]))
    for n in range(2, 10):
        store.write(points([("dev-9/pm25", T0 + 3 * DAY + n * MINUTE, 1.0)]))
    assert [len(store.raw(f"dev-{n}/pm25", 0, EVER)[0]) for n in (0, 1, 2, 9)] == [0, 0, 0, 10]
    assert store.rollup("dev-1/pm25", 0, EVER, MINUTE) == before
    assert len(store.latest()) == 4, "the newest value of a silent sensor stays, with its age"


def test_one_write_deletes_only_so_much(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path / "x.db", Keep(raw_days=1, minute_days=10))
    old_and_new(store)
    left = [len(store.raw(f"dev-{n}/pm25", 0, EVER)[0]) for n in range(3)]
    store.write(points([("dev-9/pm25", T0 + 3 * DAY, 1.0)]))
    after = [len(store.raw(f"dev-{n}/pm25", 0, EVER)[0]) for n in range(3)]
    assert (sum(left), sum(after)) == (9_000, 5_000)


def test_minutes_and_hours_go_after_their_own_days(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path / "x.db", Keep(raw_days=1, minute_days=2, hour_days=3))
    old_and_new(store, series=1)
    for day, expected in ((1, (0, 50, 1)), (2, (0, 0, 1)), (3, (0, 0, 0))):
        for n in range(4):
            store.write(points([("dev-9/pm25", T0 + day * DAY + HOUR + n, 1.0)]))
        raw, _ = store.raw("dev-0/pm25", 0, EVER)
        found = len(raw), len(store.rollup("dev-0/pm25", 0, EVER, MINUTE)), len(store.rollup("dev-0/pm25", 0, EVER, HOUR))
        assert found == expected, f"day {day}"


def test_a_point_older_than_what_is_kept_is_reported_and_changes_no_rollup(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path / "x.db", Keep(raw_days=2))
    old_and_new(store, series=1)
    before = store.rollup("dev-0/pm25", 0, EVER, HOUR)
    written = store.write(points([("dev-9/pm25", T0 + 4 * DAY, 1.0), ("dev-0/pm25", T0, 99.0), ("dev-8/pm25", T0 - 1, 1.0)]))
    assert (written.expired, written.refused) == (2, ())
    assert store.rollup("dev-0/pm25", 0, EVER, HOUR) == before
    assert [x.series for x in store.latest()] == ["dev-0/pm25", "dev-9/pm25"]


def test_a_clock_that_runs_ahead_deletes_nothing(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path / "x.db", Keep(raw_days=90), _At(T0 + HOUR))
    old_and_new(store)
    store.write(points([("dev-9/pm25", T0 + 3_650 * DAY, 1.0)]))
    assert store.write(points([("dev-0/pm25", T0 + HOUR, 1.0)])).expired == 0
    assert len(store.raw("dev-0/pm25", 0, EVER)[0]) == 3_001


def test_a_replay_of_an_old_year_keeps_that_year(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path / "x.db", Keep(), _At(T0 + 3_650 * DAY))
    old_and_new(store)
    store.write(points([("dev-0/pm25", T0 + 80 * DAY, 1.0)]))
    assert len(store.raw("dev-0/pm25", 0, EVER)[0]) == 3_001


def test_a_reopened_store_knows_how_far_time_had_come(tmp_path: Path) -> None:
    first = EmbeddedStore(tmp_path / "x.db", Keep(raw_days=2))
    first.write(points([("dev-9/pm25", T0 + 4 * DAY, 1.0)]))
    first.close()
    assert EmbeddedStore(tmp_path / "x.db", Keep(raw_days=2)).write(points([("dev-0/pm25", T0, 1.0)])).expired == 1


def test_for_ever_is_for_ever(tmp_path: Path) -> None:
    store = open_store(f"sqlite:{tmp_path / 'x.db'}", FOR_EVER)
    store.write(points([("a/pm25", 0, 1.0)]))
    assert store.write(points([("a/pm25", T0, 1.0), ("a/pm25", 1, 1.0)])).expired == 0
    assert store.raw("a/pm25", 0, EVER)[0].tolist() == [0, 1, T0]


@pytest.mark.parametrize("table", [{"raw_days": 500}, {"raw_days": 0}, {"hour_days": 399}, {"raw_days": -1}])
def test_a_rollup_may_not_be_forgotten_before_its_source(table: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="days"):
        from_table(Keep, table, "keep")
