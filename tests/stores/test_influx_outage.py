"""A store that is killed under the sink: the sink lags, appending to the log goes on, and afterwards everything is there, once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from broker_config.influx import InfluxServer
from city_model.faults import ConfigError, Unavailable
from city_model.topics import DEFAULT_PARTITIONS, LOG_TOPICS, OBSERVATIONS
from stream_processor.logs.open import open_log
from stream_processor.sink import SinkCounts, run_sink
from stream_processor.stores.embedded import EmbeddedStore
from stream_processor.stores.influx import InfluxStore
from stream_processor.stores.influx_file import InfluxFile
from stream_processor.stores.influx_setup import ADMIN, first_time
from stream_processor.stores.keep import FOR_EVER
from tests.influx_fixture import InfluxPlace
from tests.servers import require
from tests.stores.test_sink import T0, observed, until

pytestmark = pytest.mark.live

DEVICES, EACH = 5, 120
EVER = 1 << 60


@pytest.fixture
def server(tmp_path: Path) -> Iterator[InfluxServer]:
    """An influxd of our own, to be killed."""
    try:
        running = InfluxServer.start(tmp_path / "influxd")
    except Unavailable as err:
        require("influxd", str(err))
    yield running
    running.stop()


def everything(store: InfluxStore | EmbeddedStore) -> list[Any]:
    names = [f"dev-{n}/pm25" for n in range(DEVICES)]
    return [[column.tolist() for column in store.raw(name, 0, EVER)] for name in names] + [
        store.rollup(name, 0, EVER, width_ms) for name in names for width_ms in (60_000, 3_600_000)
    ]


async def test_after_an_outage_everything_arrives_once(server: InfluxServer, tmp_path: Path) -> None:
    first_time(InfluxFile(server.url), tmp_path)
    InfluxPlace(server.url, tmp_path / ADMIN, server).set_up(tmp_path, "saola")
    log = await open_log(f"sqlite:{tmp_path / 'log'}")
    await log.ensure_topics(LOG_TOPICS, DEFAULT_PARTITIONS)
    store, control = InfluxStore(tmp_path / "influx-write.toml"), EmbeddedStore(tmp_path / "control.db", FOR_EVER)
    stop, counts, control_counts = asyncio.Event(), SinkCounts(), SinkCounts()
    sink = asyncio.create_task(run_sink(log, store, stop, counts))

    async def feed(first: int, last: int) -> None:
        for i in range(first, last):
            rows = [(f"dev-{n}/pm25", T0 + i * 1000, float(i % 17 + n)) for n in range(DEVICES)]
            await log.append(OBSERVATIONS, [(n, observed(row)) for n, row in enumerate(rows)])

    await feed(0, EACH // 3)
    await until(lambda: counts.records > 0)
    server.kill()
    await feed(EACH // 3, EACH)
    await until(lambda: counts.retries > 0)
    assert counts.records < DEVICES * EACH
    again = await asyncio.to_thread(InfluxServer.start, server.directory, server.port)
    await until(lambda: counts.records == DEVICES * EACH)
    stop.set()
    await sink
    stop = asyncio.Event()
    sink = asyncio.create_task(run_sink(log, control, stop, control_counts, group="control"))
    await until(lambda: control_counts.records == DEVICES * EACH)
    stop.set()
    await sink
    assert everything(store) == everything(control)
    assert (counts.refused, counts.expired, counts.dead_lettered) == (0, 0, 0)
    store.close()
    again.stop()
    await log.close()


async def test_a_sink_with_a_read_token_ends_with_one_line_and_commits_nothing(influx_files: Path, tmp_path: Path) -> None:
    log = await open_log(f"sqlite:{tmp_path / 'log'}")
    await log.ensure_topics(LOG_TOPICS, DEFAULT_PARTITIONS)
    await log.append(OBSERVATIONS, [(3, observed(("a/pm25", T0, 1.0)))])
    wrong, right = InfluxStore(influx_files / "influx-read.toml"), InfluxStore(influx_files / "influx-write.toml")
    with pytest.raises(ConfigError, match="token: may not write bucket"):
        await run_sink(log, wrong, asyncio.Event())
    stop, counts = asyncio.Event(), SinkCounts()
    sink = asyncio.create_task(run_sink(log, right, stop, counts))
    await until(lambda: counts.records == 1)
    stop.set()
    await sink
    assert right.raw("a/pm25", 0, EVER)[1].tolist() == [1.0]
    await log.close()
