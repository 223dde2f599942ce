"""`saola broker` and `saola device` against a running Mosquitto and a running Kafka."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from broker_config.cli import broker, device
from broker_config.kafka import KafkaServer
from broker_config.kafka_topics import create, differences
from broker_config.mosquitto import MosquittoServer
from broker_config.running import reload_broker
from broker_config.server_process import free_port
from broker_config.settings import Kafka
from city_model.faults import Rejected, Unavailable
from city_model.topics import LOG_TOPICS
from city_model.transport.mqtt import MqttTransport
from city_model.transport.open import make_transport
from city_model.transport.port import Message
from stream_processor.logs.open import open_log
from tests.broker.cities import write_city
from tests.servers import require

pytestmark = pytest.mark.live


def saola(*args: str | Path) -> Result:
    group = {"broker": broker, "device": device}[str(args[0])]
    return CliRunner().invoke(group, [str(arg) for arg in args[1:]], catch_exceptions=False)


@pytest.fixture
def city(tmp_path: Path) -> Path:
    (tmp_path / "broker.toml").write_text(f'[mqtt]\nport = {free_port()}\nautosave_s = 1\n[kafka]\nbootstrap = ""\n')
    return write_city(tmp_path)


@pytest.fixture
def server(city: Path) -> Iterator[MosquittoServer]:
    """Mosquitto with what `saola broker render` wrote."""
    result = saola("broker", "render", "--city", city)
    assert result.exit_code == 0
    conf = city.parent / "broker" / "mosquitto.conf"
    port = int(conf.read_text().partition("listener ")[2].split()[0])
    try:
        running = MosquittoServer.start(conf, port)
    except Unavailable as err:
        require("mosquitto", str(err))
    yield running
    running.stop()


def client(server: MosquittoServer, user: str) -> MqttTransport:
    return make_transport(server.url, server.conf.parent / "credentials" / f"{user}.toml")


@pytest.fixture
async def pole(server: MosquittoServer) -> AsyncIterator[MqttTransport]:
    connected = client(server, "pole-1")
    await connected.connect("pole-1")
    yield connected
    await connected.close()


async def test_a_device_is_added_to_a_running_broker_and_connections_live_on(
    server: MosquittoServer, city: Path, pole: MqttTransport
) -> None:
    bridge = client(server, "bridge")
    await bridge.connect("bridge")
    await bridge.subscribe(["city/v1/+/+/telemetry"])
    new = "city/v1/ht-kt/air-7/telemetry"
    with pytest.raises(Rejected, match="not_authorized"):
        await pole.publish(Message(new, b"too early"))

    add = ("device", "add", "--city", city, "--site", "ht-kt")
    carried = await asyncio.to_thread(saola, *add, "--id", "air-7", "--kind", "air", "--agent", "pole-1", "--quantity", "pm25")
    alone = await asyncio.to_thread(saola, *add, "--id", "cam-8", "--kind", "camera", "--direction", "in", "--json")
    assert carried.exit_code == alone.exit_code == 0
    answer = json.loads(alone.stdout)
    assert answer == {
        "device": "cam-8",
        "credentials": str(city.parent / "broker" / "credentials" / "cam-8.toml"),
        "reloaded_pid": server.pid,
    }

    camera = make_transport(server.url, Path(answer["credentials"]))
    async with asyncio.timeout(10):
        while not camera.connected:
            try:
                await camera.connect("cam-8")
            except Rejected:  # the broker reads its files at its next turn
                await asyncio.sleep(0.02)
    await camera.publish(Message("city/v1/ht-kt/cam-8/telemetry", b"camera"))
    await pole.publish(Message(new, b"carried"))
    got: list[bytes] = []
    async with asyncio.timeout(10):
        while len(got) < 2:
            for delivery in await bridge.receive(10):
                delivery.ack()
                got.append(delivery.message.payload)
    assert got == [b"camera", b"carried"]
    assert (pole._link, bridge._link) == (1, 1), "nobody had to connect again"
    for one in (camera, bridge):
        await one.close()


async def test_check_says_what_is_right_and_what_is_not(server: MosquittoServer, city: Path) -> None:
    good = await asyncio.to_thread(saola, "broker", "check", "--city", city, "--json", "--running")
    assert good.exit_code == 0, good.stdout
    assert {finding["state"] for finding in json.loads(good.stdout)} == {"ok"}
    assert {f["what"] for f in json.loads(good.stdout)} >= {
        "mosquitto.conf",
        "acl",
        "credentials/bridge.toml",
        "mosquitto",
        "mosquitto: anonymous",
    }
    acl = server.conf.parent / "acl"
    acl.write_text(acl.read_text() + "user mallory\ntopic #\n")
    (server.conf.parent / "credentials" / "pole-1.toml").chmod(0o644)
    bad = await asyncio.to_thread(saola, "broker", "check", "--city", city)
    assert bad.exit_code == 1
    wrong = [line.split()[1].rstrip(":") for line in bad.stdout.splitlines() if line.startswith("wrong")]
    assert wrong == ["acl", "credentials/pole-1.toml"]
    (server.conf.parent / "credentials" / "pole-1.toml").chmod(0o600)
    applied = await asyncio.to_thread(saola, "broker", "apply", "--city", city)
    assert applied.exit_code == 0
    assert f"process {server.pid}" in applied.stderr
    assert (await asyncio.to_thread(saola, "broker", "check", "--city", city)).exit_code == 0


async def test_a_broker_that_does_not_run_is_absent_and_nobody_is_signalled(city: Path) -> None:
    await asyncio.to_thread(saola, "broker", "render", "--city", city)
    directory = city.parent / "broker"
    assert reload_broker(directory) is None
    (directory / "mosquitto.pid").write_text("1\n")
    assert reload_broker(directory) is None
    lenient = await asyncio.to_thread(saola, "broker", "check", "--city", city, "--json")
    assert lenient.exit_code == 0
    assert [f["state"] for f in json.loads(lenient.stdout) if f["what"] == "mosquitto"] == ["absent"]
    assert (await asyncio.to_thread(saola, "broker", "check", "--city", city, "--running")).exit_code == 1


@pytest.fixture(scope="module")
def empty_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Kafka of its own: the session's has topics of other tests."""
    try:
        server = KafkaServer.start(tmp_path_factory.mktemp("kafka"))
    except Unavailable as err:
        require("kafka", str(err))
    yield server.bootstrap
    server.stop()


async def test_kafkas_topics_are_made_as_declared_and_what_differs_is_named(empty_kafka: str, city: Path) -> None:
    settings = Kafka(empty_kafka, partitions=3)
    names = [topic.name for topic in LOG_TOPICS]
    assert await differences(settings) == [f"topic {name} does not exist" for name in names]
    (city.parent / "broker.toml").write_text(f'[kafka]\nbootstrap = "{empty_kafka}"\npartitions = 3\n')
    applied = await asyncio.to_thread(saola, "broker", "apply", "--city", city)
    assert applied.exit_code == 0
    assert ", ".join(names) in applied.stderr
    async with asyncio.timeout(20):
        while await differences(settings):
            await asyncio.sleep(0.05)
    assert await create(settings) == []
    log = await open_log(f"kafka://{empty_kafka}")
    await log.ensure_topics(LOG_TOPICS, 3)
    await log.close()
    assert await differences(Kafka(empty_kafka, partitions=4)) == [f"topic {name} has 3 partitions; expected 4" for name in names]


async def test_a_kafka_that_is_away_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        await differences(Kafka(f"127.0.0.1:{free_port()}"))
