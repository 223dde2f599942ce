"""What every series store promises."""

from __future__ import annotations

import threading

import pytest

from city_model.faults import Rejected
from stream_processor.stores.port import Bucket, Flag, Latest, SeriesStore
from tests.stores.contract.conftest import Open
from tests.stores.rows import points

T0 = 1_767_225_600_000
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


def raw(store: SeriesStore, series: str, start: int = 0, stop: int = 1 << 60) -> list[tuple[int, float]]:
    at_ms, value = store.raw(series, start, stop)
    return list(zip(at_ms.tolist(), value.tolist(), strict=True))


def everything(store: SeriesStore, series: str) -> tuple[object, ...]:
    return raw(store, series), store.rollup(series, 0, 1 << 60, MINUTE), store.rollup(series, 0, 1 << 60, HOUR), store.latest()


def test_writing_twice_changes_nothing(store: SeriesStore) -> None:
    batch = points([("a/pm25", T0 + i * 1000, i * 0.3) for i in range(200)])
    store.write(batch)
    before = everything(store, "a/pm25")
    store.write(batch)
    assert everything(store, "a/pm25") == before


def test_a_revision_wins_in_raw_rollups_and_latest(store: SeriesStore) -> None:
    store.write(points([("a/pm25", T0, 10.0), ("a/pm25", T0 + 1000, 20.0)]))
    store.write(points([("a/pm25", T0 + 1000, 5.0)]))
    assert raw(store, "a/pm25") == [(T0, 10.0), (T0 + 1000, 5.0)]
    assert store.rollup("a/pm25", T0, T0 + MINUTE, MINUTE) == [Bucket(T0, 2, 15.0, 5.0, 10.0, 5.0)]
    assert store.latest() == [Latest("a/pm25", T0 + 1000, 5.0, 0)]


def test_flags_are_told_of_the_points_that_have_any_and_go_with_a_revision(store: SeriesStore) -> None:
    store.write(points([("a/pm25", T0 + k * MINUTE, 1.0) for k in range(4)]))
    store.write(points([("a/pm25", T0 + 2 * MINUTE, 7.0), ("a/pm25", T0 + 3 * MINUTE, 7.0)], Flag.LATE | Flag.REVISED))
    store.write(points([("a/pm25", T0 + 4 * MINUTE, 7.0)], Flag.SICK))
    at_ms, flags = store.marked("a/pm25", T0, T0 + DAY)
    assert (at_ms.tolist(), flags.tolist()) == ([T0 + k * MINUTE for k in (2, 3, 4)], [3, 3, 4])
    assert [len(column) for column in store.marked("a/pm25", T0, T0 + DAY, 2)] == [2, 2]
    assert store.marked("a/pm25", T0, T0 + 2 * MINUTE)[0].tolist() == store.marked("b/pm25", T0, T0 + DAY)[0].tolist() == []
    store.write(points([("a/pm25", T0 + 2 * MINUTE, 7.0)]))
    assert store.marked("a/pm25", T0, T0 + DAY)[0].tolist() == [T0 + 3 * MINUTE, T0 + 4 * MINUTE]


def test_the_last_of_two_rows_for_one_place_in_one_write_wins(store: SeriesStore) -> None:
    store.write(points([("a/pm25", T0, 1.0), ("b/pm25", T0, 7.0), ("a/pm25", T0, 2.0)]))
    assert raw(store, "a/pm25") == [(T0, 2.0)]
    assert [x.value for x in store.latest("a/")] == [2.0]


def test_a_batch_a_day_late_ends_in_the_same_rollups(store: SeriesStore, open_again: Open) -> None:
    early = [("a/pm25", T0 + i * 7000, i * 0.1) for i in range(600)]
    store.write(points([(name.replace("a", "b"), at, v) for name, at, v in sorted(early)]))
    store.write(points(early[300:]))
    store.write(points([("a/pm25", T0 + DAY, 3.0), ("b/pm25", T0 + DAY, 3.0)]))
    store.write(points(early[:300], Flag.LATE))
    for width in (MINUTE, 5 * MINUTE, HOUR, 24 * HOUR):
        assert store.rollup("a/pm25", 0, 1 << 60, width) == store.rollup("b/pm25", 0, 1 << 60, width)


def test_latest_follows_event_time_not_arrival(store: SeriesStore) -> None:
    store.write(points([("a/pm25", T0 + 9000, 9.0)]))
    store.write(points([("a/pm25", T0, 1.0)], Flag.LATE))
    assert store.latest("a/pm25") == [Latest("a/pm25", T0 + 9000, 9.0, 0)]


def test_latest_filters_by_a_literal_prefix(store: SeriesStore) -> None:
    store.write(points([("a_1/pm25", T0, 1.0), ("ab1/pm25", T0, 2.0), ("a_1/no2", T0, 3.0)]))
    assert [x.series for x in store.latest("a_1/")] == ["a_1/no2", "a_1/pm25"]
    assert len(store.latest()) == 3
    assert store.latest("nobody") == []


def test_ranges_include_the_start_and_exclude_the_stop(store: SeriesStore) -> None:
    store.write(points([("a/pm25", T0 + i * MINUTE, float(i)) for i in range(4)]))
    assert raw(store, "a/pm25", T0 + MINUTE, T0 + 3 * MINUTE) == [(T0 + MINUTE, 1.0), (T0 + 2 * MINUTE, 2.0)]
    starts = [b.start_ms for b in store.rollup("a/pm25", T0 + MINUTE, T0 + 3 * MINUTE, MINUTE)]
    assert starts == [T0 + MINUTE, T0 + 2 * MINUTE]
    inside = store.rollup("a/pm25", T0 + 1, T0 + MINUTE + 1, MINUTE)
    assert [b.start_ms for b in inside] == [T0 + MINUTE], "a bucket counts by where it starts, and is whole"


def test_raw_gives_the_oldest_and_at_most_as_many_as_asked(store: SeriesStore) -> None:
    store.write(points([("a/pm25", T0 + i, float(i)) for i in reversed(range(100))]))
    at_ms, _ = store.raw("a/pm25", 0, 1 << 60, most=3)
    assert at_ms.tolist() == [T0, T0 + 1, T0 + 2]


def test_an_unknown_series_is_empty(store: SeriesStore) -> None:
    assert raw(store, "nobody/pm25") == []
    assert store.rollup("nobody/pm25", 0, 1 << 60, MINUTE) == []
    store.write(points([]))
    assert store.latest() == []


@pytest.mark.parametrize("width_ms", [0, -MINUTE, 1000, MINUTE + 1])
def test_a_width_that_is_not_whole_minutes_is_rejected(store: SeriesStore, width_ms: int) -> None:
    with pytest.raises(Rejected, match="bad_width"):
        store.rollup("a/pm25", 0, 1, width_ms)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_that_are_no_numbers_are_rejected_and_leave_nothing(store: SeriesStore, value: float) -> None:
    with pytest.raises(Rejected, match="not_finite"):
        store.write(points([("a/pm25", T0, 1.0), ("a/pm25", T0 + 1, value)]))
    assert raw(store, "a/pm25") == []


def test_many_series_in_one_write(store: SeriesStore) -> None:
    store.write(points([(f"dev-{i}/pm25", T0 + i, float(i)) for i in range(20_000)]))
    newest = store.latest()
    assert len(newest) == 20_000
    assert raw(store, "dev-12345/pm25") == [(T0 + 12345, 12345.0)]


def test_what_was_written_is_there_after_reopening(open_again: Open) -> None:
    first = open_again()
    first.write(points([("trạm-1/pm25", T0, 1.5)]))
    first.close()
    second = open_again()
    second.write(points([("trạm-1/pm25", T0 + 1000, 2.5)]))
    assert raw(second, "trạm-1/pm25") == [(T0, 1.5), (T0 + 1000, 2.5)]
    second.close()


def test_threads_may_read_and_write_at_once(store: SeriesStore) -> None:
    def fill(name: str) -> None:
        for i in range(20):
            store.write(points([(name, T0 + i * 500 + k, 1.0) for k in range(50)]))
            store.rollup(name, 0, 1 << 60, MINUTE)

    threads = [threading.Thread(target=fill, args=(f"dev-{i}/pm25",)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [sum(b.count for b in store.rollup(f"dev-{i}/pm25", 0, 1 << 60, HOUR)) for i in range(6)] == [1000] * 6
