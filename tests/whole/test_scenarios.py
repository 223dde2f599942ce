"""One scenario, one hash: embedded, on real Mosquitto and Kafka with two workers, and again with one of them killed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from simulators.accounts import Account
from simulators.proof import prove
from simulators.scenario import RunSettings, run_scenario
from simulators.story import load_story


async def play(directory: Path, settings: RunSettings) -> Account:
    account = await run_scenario(load_story("rush_hour"), settings, directory)
    assert account.surprises == []
    assert account.ledger.lost == 0
    assert account.ledger.duplicates > 0
    assert account.ledger.late > 0
    return account


def owners_of_alarms(account: Account) -> set[str]:
    areas = {alarm.area for alarm in account.alarms}
    return {worker for worker, owned in account.areas_by_worker.items() if areas & set(owned)}


@pytest.fixture(scope="module")
def embedded_hash(tmp_path_factory: pytest.TempPathFactory) -> str:
    account = asyncio.run(play(tmp_path_factory.mktemp("embedded"), RunSettings()))
    return account.alarms_sha256


@pytest.mark.timeout(240)
async def test_two_embedded_workers_of_which_one_is_killed_give_the_same_alarms(tmp_path: Path, embedded_hash: str) -> None:
    account = await play(tmp_path, RunSettings(workers=2, kill_worker=True))
    assert account.alarms_sha256 == embedded_hash
    assert account.killed
    assert account.take_overs > 12
    assert owners_of_alarms(account) == {"worker-1", "worker-2"}


@pytest.mark.live
@pytest.mark.timeout(400)
@pytest.mark.parametrize("kill", [False, True])
async def test_the_city_profile_gives_the_same_alarms(
    tmp_path: Path, embedded_hash: str, kafka_url: str, mosquitto_url: str, kill: bool
) -> None:
    """The fixtures say that both servers can be had here; the scenario starts its own."""
    assert kafka_url
    assert mosquitto_url
    account = await play(tmp_path, RunSettings(profile="city", workers=2, kill_worker=kill))
    assert account.alarms_sha256 == embedded_hash
    assert bool(account.killed) == kill
    assert owners_of_alarms(account) == {"worker-1", "worker-2"}
    if kill:
        assert account.killed not in account.areas_by_worker_at_end


async def test_every_reading_is_accounted_for(tmp_path: Path) -> None:
    proof = await prove(10, 5_000, tmp_path, city_profile=False)
    assert proof.holds
    assert proof.ledger.duplicates > 0


@pytest.mark.live
async def test_every_reading_is_accounted_for_on_real_servers(tmp_path: Path, kafka_url: str, mosquitto_url: str) -> None:
    assert kafka_url
    assert mosquitto_url
    proof = await prove(50, 100_000, tmp_path, city_profile=True)
    assert proof.holds
    assert proof.ledger.duplicates > 0
