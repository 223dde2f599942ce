"""compose.yaml: everything it names exists, nobody is root, nothing floats, and every service says when it is well."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from broker_config.settings import load_settings
from city_model.cli import saola
from tests.house.tree import ROOT

FOLDER = ROOT / "broker_config" / "compose"
FILE: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = FILE["services"]
OURS = {name: one for name, one in SERVICES.items() if one["image"] == "saola:local"}
FOREIGN = {name: one for name, one in SERVICES.items() if name not in OURS}
_KEYS = {
    "image", "build", "user", "command", "volumes", "networks", "ports", "restart", "stop_grace_period", "healthcheck", "depends_on",
    "environment", "deploy", "secrets", "read_only", "cap_drop", "security_opt", "tmpfs", "logging",
}  # fmt: skip


def test_four_servers_and_our_services_from_one_image() -> None:
    assert set(FOREIGN) == {"mosquitto", "kafka", "influxdb", "grafana"}
    assert {"bridge", "stream", "sink", "console"} <= set(OURS)
    assert {one["build"]["dockerfile"] for one in OURS.values()} == {"broker_config/compose/Dockerfile"}
    assert (FOLDER / OURS["bridge"]["build"]["context"]).resolve() == ROOT


@pytest.mark.parametrize("name", SERVICES)
def test_keys_and_names_are_ones_that_exist(name: str) -> None:
    one = SERVICES[name]
    assert set(one) <= _KEYS
    for other, how in one.get("depends_on", {}).items():
        assert other in SERVICES
        assert how["condition"] in {"service_healthy", "service_completed_successfully", "service_started"}
        assert (how["condition"] == "service_healthy") == ("test" in SERVICES[other]["healthcheck"])
    assert set(one["networks"]) <= set(FILE["networks"])
    assert set(one.get("secrets", [])) <= set(FILE["secrets"])
    for volume in one.get("volumes", []):
        source = re.sub(r"\$\{[^}]*\}", "/", volume).split(":")[0]
        assert source.startswith(("/", "./")) or source in FILE["volumes"]


@pytest.mark.parametrize("name", SERVICES)
def test_nobody_is_root_and_nobody_may_become_it(name: str) -> None:
    one = SERVICES[name]
    assert int(one["user"].split(":")[0]) > 0
    assert one["cap_drop"] == ["ALL"]
    assert one["security_opt"] == ["no-new-privileges:true"]
    assert name in FOREIGN or one["read_only"] is True


@pytest.mark.parametrize("name", FOREIGN)
def test_a_foreign_image_is_pinned_to_a_version(name: str) -> None:
    assert re.fullmatch(r"[a-z/-]+:\d+\.\d+\.\d+", FOREIGN[name]["image"])


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_that_stays_has_a_health_check(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    assert check.get("test") or (check == {"disable": True} and SERVICES[name]["restart"] == "no")


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_published_on_loopback_only(name: str) -> None:
    for port in SERVICES[name].get("ports", []):
        assert port.startswith("127.0.0.1:")
        assert "front" in SERVICES[name]["networks"]


@pytest.mark.parametrize("name", OURS)
def test_our_commands_have_the_options_they_are_given(name: str) -> None:
    words = [str(word) for word in OURS[name]["command"]]
    command: click.Command | None = saola.get_command(click.Context(saola), words.pop(0))
    if isinstance(command, click.Group):
        command = command.get_command(click.Context(command), words.pop(0))
    assert command is not None
    known = {option: parameter for parameter in command.params for option in parameter.opts}
    given = {word.split("=")[0] for word in words if word.startswith("--")}
    assert given <= set(known)
    assert {parameter.opts[0] for parameter in command.params if parameter.required} <= given


def test_no_secret_stands_in_the_file() -> None:
    text = (FOLDER / "compose.yaml").read_text(encoding="utf-8")
    assert not re.search(r"(?i)(password|token|secret)\w*[:=]\s*['\"]?(?!/run/secrets)[a-z0-9]{6,}['\"]?\s*$", text, re.MULTILINE)


def test_the_brokers_settings_are_ones_it_can_have() -> None:
    settings = load_settings(FOLDER / "broker.toml")
    assert settings.mqtt.plaintext == "trusted_network"
    assert settings.kafka.bootstrap == "kafka:9092"


def test_the_image_is_pinned_and_ends_as_nobody_special() -> None:
    text = (FOLDER / "Dockerfile").read_text(encoding="utf-8")
    froms = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
    assert all(re.fullmatch(r"python:\d+\.\d+\.\d+-slim-\w+", one) for one in froms)
    assert re.findall(r"^USER (\S+)", text, re.MULTILINE)[-1] == "10001:10001"
    copied = [source for line in re.findall(r"^COPY (?!--)(.+)", text, re.MULTILINE) for source in line.split()[:-1]]
    assert [source for source in copied if not (ROOT / source).exists()] == []


def test_a_broker_directory_elsewhere_is_the_one_mosquitto_reads() -> None:
    assert SERVICES["mosquitto"]["command"][-1] == "/broker/mosquitto.conf"
    assert "/broker" in [str(word) for word in OURS["broker-files"]["command"]]
    assert Path("/broker/credentials/bridge.toml").as_posix() in " ".join(OURS["bridge"]["command"])
