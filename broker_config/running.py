"""A running Mosquitto and Kafka: told to read its files again, and looked at from outside."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from broker_config.acl import BRIDGE, render_acl, users
from broker_config.passwords import fits, read_password_file
from broker_config.render import ACL, CONF, CREDENTIALS, PASSWORDS, PID, TOPICS, render_conf
from broker_config.settings import BrokerSettings, Mqtt
from broker_config.topics import render_topics
from city_model.faults import ConfigError, Rejected, Unavailable
from city_model.registry import City
from city_model.transport.credentials import load_credentials
from city_model.transport.mqtt import MqttTransport
from city_model.transport.open import make_transport


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: it is right, wrong (and how), or absent (a server that does not run)."""

    what: str
    state: Literal["ok", "wrong", "absent"]
    detail: str = ""


def reload_broker(directory: Path) -> int | None:
    """SIGHUP to the Mosquitto whose pid file is in `directory`; its process id, or None when none runs."""
    try:
        pid = int((directory / PID).read_text())
        if not _is_mosquitto(pid):
            return None
        os.kill(pid, signal.SIGHUP)
    except (FileNotFoundError, ValueError, ProcessLookupError):
        return None
    return pid


def _is_mosquitto(pid: int) -> bool:
    """A number in a stale pid file may belong to another process by now. Without /proc it is believed."""
    if not Path("/proc/self").exists():
        return True
    return "mosquitto" in Path(f"/proc/{pid}/comm").read_text()


def check_files(city: City, settings: BrokerSettings, directory: Path) -> list[Finding]:
    """The files of `directory` against registry and settings."""
    directory = directory.resolve()
    data = Path(settings.mqtt.persistence_dir) if settings.mqtt.persistence_dir else directory / "data"
    wanted = {
        CONF: render_conf(settings.mqtt, directory, data),
        ACL: render_acl(city),
        TOPICS: render_topics(settings.kafka),
    }
    found = [_same(directory / name, text) for name, text in wanted.items()]
    stored = read_password_file(directory / PASSWORDS)
    found += [_secret(directory / CREDENTIALS / f"{user}.toml", stored.get(user, "")) for user in users(city)]
    strangers = sorted(set(stored) - set(users(city)))
    if strangers:
        found.append(Finding(PASSWORDS, "wrong", f"holds users that are not in the registry: {', '.join(strangers)}"))
    return found


def _same(path: Path, text: str) -> Finding:
    if not path.exists():
        return Finding(path.name, "wrong", "is missing; `saola broker render` writes it")
    if path.read_text(encoding="utf-8") != text:
        return Finding(path.name, "wrong", "differs from registry and settings; `saola broker apply` writes it again")
    return Finding(path.name, "ok")


def _secret(path: Path, stored: str) -> Finding:
    what = f"{path.parent.name}/{path.name}"
    try:
        credentials = load_credentials(path)
    except ConfigError as err:
        return Finding(what, "wrong", "; ".join(f"{p.key}: {p.found}; expected {p.expected}" for p in err.problems))
    if not fits(credentials.password, stored):
        return Finding(what, "wrong", "is not what the password file holds; `saola broker apply` writes it again")
    return Finding(what, "ok")


async def check_broker(mqtt: Mqtt, directory: Path) -> AsyncIterator[Finding]:
    """Whether the broker answers, lets the bridge in, and nobody without a name."""
    url = f"{'mqtts' if mqtt.cert_file else 'mqtt'}://{_dialled(mqtt.address)}:{mqtt.port}"
    bridge = _client(url, directory / CREDENTIALS / f"{BRIDGE}.toml")
    try:
        await bridge.connect("saola-check")
    except Unavailable as err:
        yield Finding("mosquitto", "absent", str(err))
        return
    except Rejected as err:
        yield Finding("mosquitto", "wrong", f"does not let the bridge in: {err}; `saola broker apply` tells it the passwords")
        return
    await bridge.close()
    yield Finding("mosquitto", "ok", url)
    nobody = _client(url, None)
    try:
        await nobody.connect("saola-check-nobody")
    except Rejected:
        yield Finding("mosquitto: anonymous", "ok", "refused")
        return
    except Unavailable:
        return  # with a certificate of the city's own, a stranger does not even get that far
    await nobody.close()
    yield Finding("mosquitto: anonymous", "wrong", "lets clients in without a name; is another configuration loaded?")


def _client(url: str, credentials: Path | None) -> MqttTransport:
    return make_transport(url, credentials, allow_plaintext=True, session_expiry_s=0)


def _dialled(address: str) -> str:
    """A broker that listens everywhere is looked for here."""
    return {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(address, f"[{address}]" if ":" in address else address)


async def check_kafka(settings: BrokerSettings) -> list[Finding]:
    """Whether Kafka answers and its topics are as declared."""
    if not settings.kafka.bootstrap:
        return []
    from broker_config.kafka_topics import differences  # here: a city without Kafka has no aiokafka

    try:
        found = await differences(settings.kafka)
    except Unavailable as err:
        return [Finding("kafka", "absent", str(err))]
    return [Finding("kafka", "wrong", text) for text in found] or [Finding("kafka", "ok", settings.kafka.bootstrap)]
