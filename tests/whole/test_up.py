"""`saola up`: the city profile on real servers, from reading to page; what dies comes back; Ctrl-C leaves nothing behind."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from broker_config.influx import find_influxd
from broker_config.kafka import fetch_jars, find_java
from broker_config.mosquitto import find_mosquitto
from city_model.faults import Unavailable
from simulators.up.asking import ask
from stream_processor.stores.open import open_store
from tests.servers import require

CITY = Path(__file__).parents[2] / "simulators" / "scenarios" / "binh_duong" / "city.toml"


@asynccontextmanager
async def up(directory: Path, *options: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, dict[str, Any]]]:
    """`saola up` on free ports, once it says that everything is ready; SIGINT at the end, and exit code 0."""
    shutil.copy(CITY, directory / "city.toml")
    with (directory / "err").open("wb") as err:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "city_model", "up", "--city", str(directory / "city.toml"), "--data", str(directory / "data"),
            "--port", "0", "--mqtt-port", "0", "--json", *options, stdout=asyncio.subprocess.PIPE, stderr=err,
        )  # fmt: skip
    assert process.stdout is not None
    try:
        line = await process.stdout.readline()
        assert line, (directory / "err").read_text()
        yield process, json.loads(line)
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 0, (directory / "err").read_text()
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


def pids(told: dict[str, Any]) -> list[int]:
    return [one["pid"] for part in ("servers", "services") for one in told[part].values() if one["pid"]]


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def until(wanted: str, is_so: Any, within_s: float = 60.0) -> None:  # noqa: ANN401 - any question
    end_s = time.monotonic() + within_s
    while not await is_so():
        assert time.monotonic() < end_s, wanted
        await asyncio.sleep(0.1)


async def figures(told: dict[str, Any], service: str) -> dict[str, float]:
    answer = await ask(told["services"][service]["status_port"], "/figures")
    return answer["figures"] if answer else {}


async def test_the_embedded_profile_runs_and_leaves_nothing_behind(tmp_path: Path) -> None:
    try:
        find_mosquitto()
    except Unavailable as err:
        require("mosquitto", str(err))
    async with up(tmp_path, "--profile", "embedded") as (_, told):
        everyone = pids(told)
        assert set(told["services"]) == {"bridge", "stream-1", "sink", "console", "canary"}
        assert len(everyone) == 6
        assert all(map(lives, everyone))
    assert not any(map(lives, everyone))


@pytest.mark.live
async def test_the_city_profile_runs_from_reading_to_page_and_what_dies_comes_back(tmp_path: Path) -> None:
    for name, find in (("mosquitto", find_mosquitto), ("kafka", find_java), ("kafka", fetch_jars), ("influxd", find_influxd)):
        try:
            find()
        except Unavailable as err:
            require(name, str(err))
    async with up(tmp_path, "--workers", "2") as (_, told):
        assert {name: bool(one["pid"]) for name, one in told["servers"].items()} == {"mosquitto": True, "kafka": True, "influxdb": True}
        assert set(told["services"]) == {"bridge", "stream-1", "stream-2", "sink", "console", "canary"}
        everyone = pids(told)

        async def is_stored() -> bool:
            store = open_store(f"influx:{tmp_path / 'data' / 'influx' / 'influx-read.toml'}")
            try:
                names = {one.series for one in await asyncio.to_thread(store.latest)}
            finally:
                store.close()
            return {"canary/canary_ms", "host/memory_ratio", "bridge/memory_mb", "stream-2/lag_items"} <= names

        await until("canary and figures are in InfluxDB", is_stored)
        page = http.client.HTTPConnection("127.0.0.1", int(told["services"]["console"]["where"].rstrip("/").rpartition(":")[2]), timeout=10)
        page.request("GET", "/")
        assert page.getresponse().status == 200
        page.close()
        both = [(await figures(told, name))["partitions"] for name in ("stream-1", "stream-2")]
        assert sum(both) == 12
        assert min(both) > 0

        killed = told["services"]["sink"]["pid"]
        os.kill(killed, signal.SIGKILL)

        async def is_back() -> bool:
            found = await figures(told, "sink")
            return bool(found) and found["partitions"] == 12 and found["up_s"] < 60

        await until("the sink runs again", is_back)
        assert "sink       ended with -9, again in" in (tmp_path / "err").read_text()
    assert not any(lives(pid) for pid in everyone)
