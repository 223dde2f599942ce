"""The bridge as a command: all problems before the first socket, a registry that changes while it runs, counts at the end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from broker_config.city_file import add_device
from broker_config.mosquitto import MosquittoServer, find_mosquitto, start_for_city
from broker_config.render import render_access
from broker_config.server_process import free_port
from broker_config.settings import BrokerSettings
from city_model.events import Ack
from city_model.faults import ConfigError, Rejected, Unavailable
from city_model.registry import Device, load_city
from city_model.transport.mqtt import MqttTransport
from city_model.transport.open import make_transport
from stream_processor.bridge_registry import RegistryFile
from stream_processor.bridge_service import serve_bridge
from stream_processor.cli import bridge
from tests.bridge.senders import batch
from tests.broker.cities import TEXT, write_city
from tests.servers import require


async def test_every_problem_is_named_before_a_socket_opens(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refusal:
        await serve_bridge(tmp_path / "city.toml", "http://x", tmp_path / "secret.toml", "csv:x", asyncio.Event())
    files = [problem.file for problem in refusal.value.problems]
    assert files == ["--log", "mqtt", str(tmp_path / "secret.toml"), str(tmp_path / "city.toml")]


async def test_a_broker_that_is_not_there_is_said(tmp_path: Path) -> None:
    where = f"mqtt://127.0.0.1:{free_port()}"
    with pytest.raises(Unavailable, match=where):
        await serve_bridge(write_city(tmp_path), where, None, f"sqlite:{tmp_path / 'log'}", asyncio.Event())


def test_the_command_explains_itself() -> None:
    assert "--share" in CliRunner().invoke(bridge, ["--help"]).output


def test_the_registry_is_read_again_when_it_changes_and_kept_when_it_breaks(tmp_path: Path) -> None:
    path = write_city(tmp_path)
    registry = RegistryFile(path, every_s=0)
    assert set(registry().devices) == {"pole-1", "air-1"}
    add_device(path, Device("air-2", "ht-kt", "air", "pole-1"))
    assert "air-2" in registry().devices
    path.write_text("name_vi = ")
    assert "air-2" in registry().devices
    path.unlink()
    assert "air-2" in registry().devices
    path.write_text(TEXT, encoding="utf-8")
    assert "air-2" not in registry().devices


def test_a_registry_that_is_broken_at_the_start_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        RegistryFile(tmp_path / "city.toml")


def _mosquitto(city_path: Path) -> MosquittoServer:
    try:
        find_mosquitto()
    except Unavailable as err:
        require("mosquitto", str(err))
    return start_for_city(load_city(city_path), city_path.parent / "broker")


async def _verdict(pole: MqttTransport) -> str:
    """What the next answer says, if one comes within a moment."""
    try:
        async with asyncio.timeout(0.2):
            (delivery,) = await pole.receive(1)
    except TimeoutError:
        return ""
    delivery.ack()
    return msgspec.json.decode(delivery.message.payload, type=Ack).ranges[0].verdict


@pytest.mark.live
async def test_a_device_added_while_the_command_runs_is_heard_without_a_restart(tmp_path: Path) -> None:
    city_path = write_city(tmp_path)
    server = _mosquitto(city_path)
    secrets = server.conf.parent / "credentials"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "from city_model.cli import main; main()", "bridge", "--city", str(city_path), "--mqtt", server.url,
        "--credentials", str(secrets / "bridge.toml"), "--log", f"sqlite:{tmp_path / 'log'}", stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    pole = make_transport(server.url, secrets / "pole-1.toml")
    await pole.connect("pole-1")
    await pole.subscribe(["city/v1/+/+/ack"])
    city = add_device(city_path, Device("air-2", "ht-kt", "air", "pole-1"))
    render_access(city, BrokerSettings(), server.conf.parent)
    server.reload()
    told = ""
    async with asyncio.timeout(60):
        while told != "stored":  # an agent sends again what nobody answered; until the registry is read it is an unknown device
            with contextlib.suppress(Rejected):  # the broker has not read its files yet
                await pole.publish(batch([1.0], device="air-2"))
            told = await _verdict(pole) or told
    process.send_signal(signal.SIGTERM)
    out, _ = await process.communicate()
    counts = json.loads(out)
    assert process.returncode == 0
    assert counts["items"] >= 1
    assert set(counts["dead_lettered"]) <= {"unknown_device"}
    await pole.close()
    server.stop()
