"""Alarms and accounts of items as series: what boards count, also when the log is read again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from city_model.events import AlarmEvent, DeviceHour, DeviceHours, EventType
from city_model.faults import Rejected
from city_model.topics import ALARM_EVENTS, OBSERVATIONS
from dashboards.boards.answer import Asked
from dashboards.boards.panels import alarms_list, alarms_open, items_ledger
from dashboards.boards.question import Row, Span
from dashboards.boards.scope import chosen
from stream_processor.account_series import of_alarm, of_hours
from stream_processor.logs.open import open_log
from stream_processor.sink import ALARM_GROUP, SinkCounts, run_sink
from stream_processor.stores.open import open_store
from tests.console.town import MINUTE_MS, T0, Engine, jam, returned, smoke, town

HOUR_MS = 3_600_000


def test_a_transition_is_a_point_only_where_the_road_or_the_air_changed() -> None:
    alarm = jam(T0)
    points = of_alarm(msgspec.json.encode(AlarmEvent("opened", T0 + 5, "congestion", "", alarm)))
    assert (points.names, points.at_ms.tolist(), points.value.tolist()) == (("cam-bd-114/south/alarm_congestion",), [T0], [3.0])
    assert len(of_alarm(msgspec.json.encode(AlarmEvent("acknowledged", T0 + 9, "somebody", "", alarm)))) == 0
    over = of_alarm(msgspec.json.encode(AlarmEvent("cleared", T0 + 9, "congestion", "", returned(alarm, T0 + 9))))
    assert (over.at_ms.tolist(), over.value.tolist()) == ([T0 + 9], [0.0])
    assert of_alarm(msgspec.json.encode(AlarmEvent("opened", T0, "pm25_1h", "", smoke(T0)))).names == ("air-kk-02/alarm_pollution",)


@pytest.mark.parametrize("made", [of_alarm, of_hours])
@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b'{"at_ms":"x"}', b"\xff"])
def test_what_is_no_account_is_rejected(made: object, data: bytes) -> None:
    assert callable(made)
    with pytest.raises(Rejected, match="malformed"):
        made(data)


def account(at_ms: int, hour_ms: int, received: int) -> bytes:
    return msgspec.json.encode(DeviceHours(at_ms, 0, (DeviceHour("cam-bd-114", hour_ms, received, 1, 2, 3, 0),)))


async def test_the_sink_makes_series_of_them_and_reading_again_changes_nothing(tmp_path: Path) -> None:
    log, store = await open_log(f"sqlite:{tmp_path / 'log'}"), open_store(f"sqlite:{tmp_path / 'series.db'}")
    engine, hour = Engine(log, town()), T0 // HOUR_MS * HOUR_MS - HOUR_MS
    await engine.prepare()
    over = jam(T0 - 50 * MINUTE_MS, "cam-bd-112", "north")
    for alarm in (over, jam(T0), smoke(T0 - MINUTE_MS)):
        await engine.opened(alarm)
    await engine.alarm_returned(over, T0 - 20 * MINUTE_MS)
    for at_ms, received in ((hour + HOUR_MS + 1000, 100), (hour + 2 * HOUR_MS, 20)):
        await engine.write(OBSERVATIONS, 0, EventType.DEVICE_HOURS, at_ms, account(at_ms, hour, received), "p0")
    for group in ("first", "again"):
        await drained(log, store, group, 6)
    span = Span(hour, T0 + HOUR_MS, HOUR_MS)
    asked = Asked.of(store, town(), chosen(town()), span)
    assert asked.answer(alarms_open.PANEL.question) == [Row("", span.stop_ms, 2.0)]
    assert [row.series for row in asked.answer(alarms_list.PANEL.question)] == [
        "air-kk-02/alarm_pollution", "cam-bd-114/south/alarm_congestion",
    ]  # fmt: skip
    totals = {row.series: row.value for row in asked.answer(items_ledger.PANEL.question)}
    assert totals["cam-bd-114/items_received"] == 120.0
    assert totals["cam-bd-114/items_missing"] == 6.0
    store.close()
    await log.close()


async def drained(log: object, store: object, group: str, records: int) -> None:
    """Both topics read to their ends by groups of that name."""
    counts, stop = SinkCounts(), asyncio.Event()
    sinks = [
        asyncio.create_task(run_sink(log, store, stop, counts, group=f"{group}{more}", topic=topic))  # type: ignore[arg-type]  # opened above
        for more, topic in (("", OBSERVATIONS), (ALARM_GROUP, ALARM_EVENTS))
    ]
    async with asyncio.timeout(20):
        while counts.records < records:
            await asyncio.sleep(0.02)
    stop.set()
    await asyncio.gather(*sinks)
    assert counts.dead_lettered == 0
