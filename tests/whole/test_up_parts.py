"""The parts of `saola up` that need no server: ports, registry, back-off, figures, and what it says when something is missing."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from broker_config.acl import Access
from city_model.faults import ConfigError, Unavailable
from city_model.registry import load_city
from simulators.up.cli import _ports
from simulators.up.figures import Machine, Rates
from simulators.up.keeper import Keeper
from simulators.up.plan import Plan, Ports
from simulators.up.platform import CANARY, HOST, PLATFORM, write_registry
from simulators.up.run import run_up
from simulators.up.servers import Server, Servers, check_installed
from simulators.up.services import Service, names, services

CITY = Path(__file__).parents[2] / "simulators" / "scenarios" / "binh_duong" / "city.toml"


def test_a_port_is_kept_from_start_to_start_and_never_given_twice(tmp_path: Path) -> None:
    first = Ports(tmp_path / "ports.json")
    one, two = first.take("a"), first.take("b")
    assert one != two
    assert Ports(tmp_path / "ports.json").take("a") == one


def test_a_port_somebody_asked_for_and_another_has_is_said(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(Unavailable, match=f"mosquitto: port {port} is taken"):
            Ports(tmp_path / "ports.json").take("mosquitto", port)


def test_a_kept_port_that_another_has_now_is_replaced_where_nobody_asked_for_it(tmp_path: Path) -> None:
    ports = Ports(tmp_path / "ports.json")
    before = ports.take("kafka")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", before))
        taken.listen()
        assert Ports(tmp_path / "ports.json").take("kafka") != before


def test_the_registry_that_runs_is_the_citys_own_with_the_platform_in_it(tmp_path: Path) -> None:
    original = load_city(CITY)
    city = write_registry(CITY, tmp_path / "city.toml", ("bridge", "sink"))
    assert city.area[: len(original.area)] == original.area
    assert city.site[: len(original.site)] == original.site
    assert city.device[: len(original.device)] == original.device
    assert (city.name_vi, city.timezone) == (original.name_vi, original.timezone)
    assert {d.id for d in city.carried_by(PLATFORM)} == {PLATFORM, CANARY, HOST, "bridge", "sink"}
    assert Access(city)(PLATFORM, "write", "city/v1/platform/canary/telemetry")
    again = write_registry(tmp_path / "city.toml", tmp_path / "twice.toml", ("bridge", "sink"))
    assert replace(again, path=None) == replace(city, path=None)


def plan(tmp_path: Path, **changes: object) -> Plan:
    return replace(Plan(CITY, tmp_path / "data", port=0), **changes)  # type: ignore[arg-type]  # fields by name


def test_every_service_gets_its_addresses_and_a_status_port_of_its_own(tmp_path: Path) -> None:
    wanted = plan(tmp_path, workers=3, cameras=tmp_path, notify=tmp_path / "notify.toml")
    servers = Servers((Server("kafka", "kafka://h:1"),), "mqtt://h:2", tmp_path / "cred", "kafka://h:1", "influx:w", "influx:r")
    made = {one.name: one for one in services(wanted, tmp_path / "city.toml", servers, Ports(tmp_path / "ports.json"))}
    assert tuple(made) == (*names(wanted), "canary")
    assert len({one.status_port for one in made.values()}) == len(made)
    assert "influx:w" in made["sink"].arguments
    assert "influx:r" in made["console"].arguments
    assert made["stream-3"].arguments[0] == "stream"
    assert f"stream-3={made['stream-3'].status_port}" in made["canary"].arguments
    assert not [word for one in made.values() for word in one.arguments if "password" in word or "token" in word]


def test_what_is_missing_is_said_all_at_once_before_anything_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(Unavailable, match=r"(?s)Java 17.*Maven"):
        check_installed(plan(tmp_path, mqtt_url="mqtt://127.0.0.1:1"))
    check_installed(plan(tmp_path, mqtt_url="mqtt://127.0.0.1:1", log_url="kafka://127.0.0.1:1"))


async def test_a_second_run_on_the_same_directory_is_refused(tmp_path: Path) -> None:
    import fcntl

    (tmp_path / "data").mkdir()
    with (tmp_path / "data" / "up.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(Unavailable, match="another `saola up` runs here"):
            await run_up(plan(tmp_path), asyncio.Event(), lambda name, text: None, lambda running: None)


async def test_what_dies_is_started_again_with_its_last_words_and_ends_with_its_keeper(tmp_path: Path) -> None:
    said: list[str] = []
    twice = asyncio.Event()

    def say(name: str, text: str) -> None:
        said.append(f"{name}: {text}")
        if len(said) == 2:
            twice.set()

    keeper = Keeper(Service("sink", ("sink", "--log", "nothing:here", "--store", f"sqlite:{tmp_path / 'series.db'}"), 0), tmp_path, say)
    task = asyncio.create_task(keeper.run())
    await twice.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert keeper.restarts == 2
    assert keeper.pid == 0
    assert "sink: ended with 2, again in" in said[0]
    assert "expected sqlite:DIRECTORY or kafka://" in said[0]
    pauses = [float(text.partition("again in ")[2].split()[0]) for text in said]
    assert 0.3 <= pauses[0] <= 0.7
    assert 0.7 <= pauses[1] <= 1.3


def test_rates_come_from_counts_and_a_restart_begins_anew() -> None:
    rates = Rates()
    first = {
        "received": 100.0,
        "errors": 1.0,
        "busy_s": 1.0,
        "batches": 10.0,
        "cpu_s": 2.0,
        "memory_mb": 50.0,
        "up_s": 100.0,
        "lag_items": 3.0,
    }
    assert rates.of("bridge", first, 1000.0) == {"lag_items": 3.0, "memory_mb": 50.0, "up_s": 100.0}
    later = rates.of("bridge", {**first, "received": 150.0, "errors": 2.0, "busy_s": 1.5, "batches": 20.0, "up_s": 110.0}, 1010.0)
    assert later["received_per_s"] == 5.0
    assert later["errors_per_s"] == 0.1
    assert later["latency_ms"] == 50.0
    assert later["cpu_ratio"] == 0.0
    assert "received_per_s" not in rates.of("bridge", {"received": 5.0, "up_s": 1.0}, 1020.0)
    assert rates.of("bridge", {"received": 25.0, "up_s": 11.0}, 1030.0)["received_per_s"] == 2.0


def test_the_machines_shares_are_shares(tmp_path: Path) -> None:
    (tmp_path / "stat").write_text("cpu 100 0 100 800 0 0 0 0 0 0\n")
    (tmp_path / "meminfo").write_text("MemTotal: 1000 kB\nMemFree: 100 kB\nMemAvailable: 250 kB\n")
    machine = Machine(tmp_path, tmp_path)
    assert machine.readings()["memory_ratio"] == 0.75
    (tmp_path / "stat").write_text("cpu 150 0 150 900 0 0 0 0 0 0\n")
    found = machine.readings()
    assert found["cpu_ratio"] == 0.5
    assert 0 <= found["disk_ratio"] <= 1


def test_a_status_port_is_a_name_and_a_number() -> None:
    assert _ports(("bridge=9101", "sink=9102")) == {"bridge": 9101, "sink": 9102}
    for wrong in ("bridge", "=9", "bridge=x", "bridge=70000"):
        with pytest.raises(ConfigError, match="DEVICE=PORT"):
            _ports((wrong,))
