"""What only InfluxDB does: refused rows among good ones, retention by the server, scoped tokens, an outage, names full of quotes."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from city_model.faults import ConfigError, Unavailable
from stream_processor.stores.influx import InfluxStore
from stream_processor.stores.influx_client import InfluxClient
from stream_processor.stores.influx_file import InfluxFile, load_influx_file, write_influx_file
from stream_processor.stores.keep import Keep
from stream_processor.stores.port import Bucket
from tests.influx_fixture import InfluxPlace
from tests.stores.rows import Row, points

pytestmark = pytest.mark.live

T0 = 1_767_225_600_000
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
EVER = 1 << 60


@pytest.fixture
def file(influx_files: Path) -> InfluxFile:
    return load_influx_file(influx_files / "influx-write.toml")


@pytest.fixture
def store(influx_files: Path) -> InfluxStore:
    return InfluxStore(influx_files / "influx-write.toml")


def by_hand(file: InfluxFile, text: str) -> None:
    client = InfluxClient(file)
    client.write(file.bucket, text.encode())
    client.close()


def test_rows_of_the_wrong_type_among_good_ones_are_named_and_the_rest_is_written(store: InfluxStore, file: InfluxFile) -> None:
    by_hand(file, f"pm25,device=old value=7i {T0}\nno2,device=old value=7i,flags=0i {T0}\nrain,device=old value=true {T0}")
    rows: list[Row] = [
        (f"dev-{i % 7}/{name}", T0 + i * 1000, float(i)) for i in range(400) for name in ("pm25", "no2", "o3", "rain", "so2")
    ]
    rows += [("dev-1/pm25", T0 + 30 * DAY, 1.0), ("dev-1/o3", 10**17, 1.0), ("no-quantity", T0, 1.0), ("dev-1/co", -(10**17), 1.0)]
    written = store.write(points(rows))
    wrong = {i for i, row in enumerate(rows) if row[0].split("/")[-1] in ("pm25", "no2", "rain")} - {2000}
    assert {one.row for one in written.refused if one.code == "type_conflict"} == wrong
    assert sorted((one.row, one.code) for one in written.refused if one.row not in wrong) == [
        (2001, "refused"), (2002, "bad_series"), (2003, "refused"),
    ]  # fmt: skip
    details = {one.detail for one in written.refused if rows[one.row][0].endswith("/rain")}
    assert len(details) == 1
    assert '"rain"' in (detail := details.pop())
    assert "float" in detail
    assert "boolean" in detail
    expected = [(at, value) for name, at, value in rows if name == "dev-3/o3"]
    assert list(zip(*(column.tolist() for column in store.raw("dev-3/o3", 0, EVER)), strict=True)) == expected
    values = [value for at, value in expected if at < T0 + MINUTE]
    assert store.rollup("dev-3/o3", T0, T0 + MINUTE, MINUTE) == [Bucket(T0, len(values), sum(values), values[0], values[-1], values[-1])]
    assert store.raw("dev-1/pm25", T0 + DAY, EVER)[1].tolist() == [1.0], "the conflict is of the days it happened in"
    assert len([one for one in store.latest("dev-") if one.series.endswith(("o3", "so2"))]) == 14
    assert [(one.series, one.value) for one in store.latest("old/")] == [("old/no2", 7.0), ("old/pm25", 7.0)]


def test_a_second_write_of_a_refused_batch_ends_the_same(store: InfluxStore, file: InfluxFile) -> None:
    by_hand(file, f"pm25,device=old value=7i {T0}")
    batch = points([(f"dev-{i}/{name}", T0 + i, 1.0) for i in range(50) for name in ("pm25", "o3")])
    first, hours = store.write(batch), store.rollup("dev-9/o3", 0, EVER, HOUR)
    second = store.write(batch)
    assert {one.row for one in first.refused} == {one.row for one in second.refused} == set(range(0, 100, 2))
    assert store.rollup("dev-9/o3", 0, EVER, HOUR) == hours


def test_points_older_than_the_bucket_keeps_are_counted_and_change_no_rollup(influx_place: InfluxPlace, tmp_path: Path) -> None:
    influx_place.set_up(tmp_path, "short", Keep(raw_days=2, minute_days=10))
    store = InfluxStore(tmp_path / "influx-write.toml")
    now_ms = time.time_ns() // 1_000_000
    old: list[Row] = [(f"dev-{i % 3}/pm25", now_ms - 3 * DAY - i * 1000, 1.0) for i in range(100)]
    written = store.write(points([*old, ("dev-1/pm25", now_ms - 1000, 5.0), ("dev-2/pm25", now_ms - DAY, 6.0)]))
    assert (written.expired, written.refused) == (100, ())
    assert [b.last for i in (1, 2) for b in store.rollup(f"dev-{i}/pm25", 0, EVER, MINUTE)] == [5.0, 6.0]
    assert store.rollup("dev-0/pm25", 0, EVER, HOUR) == []
    store.close()
    influx_place.remove("short")


NAMES = ["it's", 'say "hi"', "${area}", "a b,c=d", "r.*[x](y)|z^$", "Đà-Nẵng-①", "x; DROP SERIES FROM /.*/ --", "a+b?{1}", "#1"]


def test_names_full_of_quotes_come_back_as_they_were(store: InfluxStore) -> None:
    rows: list[Row] = [(f"{one}/{other}/pm 2,5='\"", T0, float(i)) for i, (one, other) in enumerate(zip(NAMES, NAMES[::-1], strict=True))]
    assert store.write(points(rows)).refused == ()
    for name, at, value in rows:
        assert store.raw(name, 0, EVER)[1].tolist() == [value], name
        assert store.rollup(name, 0, EVER, HOUR) == [Bucket(at // HOUR * HOUR, 1, value, value, value, value)], name
        device = name.partition("/")[0]
        for prefix in (name, device, device + "/"):
            assert [one.series for one in store.latest(prefix)] == [name], prefix
    assert len(store.latest()) == len(NAMES)


@pytest.mark.parametrize("name", ["back\\slash/pm25", "line\nbreak/pm25", "no-quantity", "", "a//b", "\ud800/pm25"])
def test_a_name_no_series_can_have_is_empty(store: InfluxStore, name: str) -> None:
    assert store.raw(name, 0, EVER)[0].tolist() == []
    assert store.rollup(name, 0, EVER, HOUR) == []
    assert store.latest(name or "x") == []


def wrong(influx_files: Path, tmp_path: Path, name: str = "influx-write.toml", **changes: str) -> InfluxStore:
    write_influx_file(tmp_path / "wrong.toml", replace(load_influx_file(influx_files / name), **changes), "wrong")  # type: ignore[arg-type]  # texts only
    return InfluxStore(tmp_path / "wrong.toml")


@pytest.mark.parametrize(
    ("name", "changes", "says"),
    [
        ("influx-write.toml", {"token": "nobody-gave-this"}, "token: http.* does not know it"),
        ("influx-write.toml", {"organisation": "nowhere"}, "organisation: nowhere is not on"),
        ("influx-write.toml", {"bucket": "nothing"}, "bucket"),
        ("influx-read.toml", {}, "token: may not write bucket"),
    ],
)
def test_a_wrong_token_or_name_is_one_line(influx_files: Path, tmp_path: Path, name: str, changes: dict[str, str], says: str) -> None:
    store = wrong(influx_files, tmp_path, name, **changes)
    with pytest.raises(ConfigError, match=says) as caught:
        store.write(points([("a/pm25", T0, 1.0)]))
    assert len(caught.value.problems) == 1
    store.close()


def test_the_read_token_reads_everything_a_page_needs(influx_files: Path, store: InfluxStore) -> None:
    store.write(points([("a/pm25", T0, 1.5)]))
    page = InfluxStore(influx_files / "influx-read.toml")
    assert page.raw("a/pm25", 0, EVER)[1].tolist() == [1.5]
    assert page.rollup("a/pm25", 0, EVER, MINUTE) == page.rollup("a/pm25", T0, T0 + HOUR, HOUR) == [Bucket(T0, 1, 1.5, 1.5, 1.5, 1.5)]
    assert [one.value for one in page.latest()] == [1.5]
    with pytest.raises(Unavailable, match="token: may not write"):
        page.write(points([("a/pm25", T0, 2.0)]))
    page.close()


def of_minute(store: InfluxStore) -> list[tuple[int, float, float]]:
    return [(b.count, b.sum, b.last) for b in store.rollup("a/pm25", 0, EVER, MINUTE)]


def test_an_owner_that_comes_back_counts_what_the_other_wrote(store: InfluxStore, influx_files: Path) -> None:
    other = InfluxStore(influx_files / "influx-write.toml")
    store.write(points([("a/pm25", T0, 1.0)]))
    other.write(points([("a/pm25", T0 + 1, 2.0)]))
    store.forget()
    store.write(points([("a/pm25", T0 + 2, 4.0)]))
    assert of_minute(store) == [(3, 7.0, 4.0)]
    assert [(b.count, b.sum) for b in other.rollup("a/pm25", 0, EVER, HOUR)] == [(3, 7.0)]


class _Sleepy:
    """A clock of a process that is stopped for ten seconds between two looks at it, from now on."""

    def __init__(self) -> None:
        self.now_s, self.step_s = 0.0, 0.0

    def __call__(self) -> float:
        self.now_s += self.step_s
        return self.now_s


def test_an_owner_that_was_stopped_in_the_middle_of_a_write_puts_no_old_rollup_over_a_newer_one(influx_files: Path) -> None:
    clock = _Sleepy()
    stopped, new = InfluxStore(influx_files / "influx-write.toml", clock=clock), InfluxStore(influx_files / "influx-write.toml")
    stopped.write(points([("a/pm25", T0, 1.0)]))
    new.write(points([("a/pm25", T0 + 1, 2.0), ("a/pm25", T0 + 2, 4.0)]))
    clock.step_s = 10.0
    stopped.write(points([("a/pm25", T0, 1.0)]))
    assert of_minute(new) == [(3, 7.0, 4.0)]
