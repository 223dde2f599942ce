"""The same page over a real Kafka."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from dashboards.console.app import create_app
from dashboards.console.serve import serve
from stream_processor.logs.open import open_log
from stream_processor.stores.open import open_store
from tests.console.town import T0, Engine, jam, town

pytestmark = pytest.mark.live


async def test_an_alarm_in_kafka_reaches_the_view(kafka_url: str, tmp_path: Path) -> None:
    log, store, stop = await open_log(kafka_url), open_store(f"sqlite:{tmp_path / 'series.db'}"), asyncio.Event()
    engine = Engine(log, town())
    await engine.prepare()
    before, after = jam(T0), jam(T0 + 1000, "cam-bd-111")
    await engine.opened(before)
    app = create_app(log, store, engine.city)
    await serve(app, "127.0.0.1", 0, stop)
    shelf = app.state.view.shelf
    async with asyncio.timeout(30):
        await app.state.follower.ready.wait()
        assert shelf.get(before.id) == before
        await engine.opened(after)
        while shelf.get(after.id) is None or not shelf.card(after.id).timeline:
            await asyncio.sleep(0.01)
    stop.set()
    await app.state.served
    await log.close()
    store.close()
