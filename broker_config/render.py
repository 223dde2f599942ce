"""One declaration into files: registry and `broker.toml` → mosquitto.conf, acl, passwords, credentials/<user>.toml, kafka-topics.json.

Secrets are made once and kept: rendering again changes nothing but what the registry changed. Files are replaced whole.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from broker_config.acl import render_acl, users
from broker_config.passwords import new_secret, read_password_file, render_passwords
from broker_config.settings import BrokerSettings, Mqtt
from broker_config.topics import render_topics
from city_model.registry import City
from city_model.transport.credentials import load_credentials

CONF, ACL, PASSWORDS, CREDENTIALS, TOPICS, PID = "mosquitto.conf", "acl", "passwords", "credentials", "kafka-topics.json", "mosquitto.pid"
_HEADROOM_BYTES = 64 * 1024  # topic and properties, beside the payload
_SESSION_EXPIRY = "14d"


def render(city: City, settings: BrokerSettings, directory: Path) -> list[Path]:
    """Write everything into `directory`; returns the paths whose content changed."""
    directory = directory.resolve()
    directory.mkdir(parents=True, exist_ok=True)
    data = Path(settings.mqtt.persistence_dir) if settings.mqtt.persistence_dir else directory / "data"
    data.mkdir(parents=True, exist_ok=True)
    _hand_over(data, settings.mqtt)
    changed = [_write(directory / CONF, render_conf(settings.mqtt, directory, data), 0o644)]
    changed += render_access(city, settings, directory)
    changed.append(_write(directory / TOPICS, render_topics(settings.kafka), 0o644))
    return [path for path in changed if path is not None]


def render_access(city: City, settings: BrokerSettings, directory: Path) -> list[Path]:
    """Write credentials, passwords and ACL only: all that a new device changes. Returns the paths whose content changed."""
    directory = directory.resolve()
    credentials = directory / CREDENTIALS
    credentials.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = [path for user in users(city) if (path := _make_credentials(credentials, user, settings.mqtt)) is not None]
    secret_of = {user: load_credentials(credentials / f"{user}.toml").password for user in users(city)}
    before = read_password_file(directory / PASSWORDS)
    changed = [
        _write(directory / PASSWORDS, render_passwords(secret_of, before), 0o600, settings.mqtt),
        _write(directory / ACL, render_acl(city), 0o600, settings.mqtt),
    ]
    return made + [path for path in changed if path is not None]


def render_conf(mqtt: Mqtt, directory: Path, data: Path) -> str:
    """mosquitto.conf; `broker_config.mosquitto` says why these values."""
    lines = [
        "# Written by `saola broker render`; change broker.toml instead.",
        f"listener {mqtt.port} {mqtt.address}",
        "protocol mqtt",
        *_tls(mqtt),
        "allow_anonymous false",
        f"password_file {directory / PASSWORDS}",
        f"acl_file {directory / ACL}",
        *_user(mqtt),
        f"pid_file {directory / PID}",
        "persistence true",
        f"persistence_location {data}/",
        f"autosave_interval {mqtt.autosave_s}",
        f"persistent_client_expiration {_SESSION_EXPIRY}",
        f"max_connections {mqtt.max_connections}",
        f"max_queued_messages {mqtt.max_queued_messages}",
        f"max_inflight_messages {mqtt.max_inflight_messages}",
        f"max_packet_size {mqtt.max_payload_bytes + _HEADROOM_BYTES}",
        "max_keepalive 120",
        "allow_zero_length_clientid false",
        "check_retain_source true",
        "set_tcp_nodelay true",
        "log_dest stderr",
        "log_type error",
        "log_type warning",
        "log_type notice",
        "connection_messages false",
    ]
    return "\n".join(lines) + "\n"


def _tls(mqtt: Mqtt) -> list[str]:
    if not mqtt.cert_file:
        return []
    return [f"certfile {Path(mqtt.cert_file).resolve()}", f"keyfile {Path(mqtt.key_file).resolve()}", "tls_version tlsv1.2"]


def _user(mqtt: Mqtt) -> list[str]:
    """Started by root, Mosquitto becomes the user `mosquitto`, who cannot read a private directory unless it was handed over."""
    if mqtt.run_as:
        return [f"user {mqtt.run_as}"]
    return ["user root"] if os.geteuid() == 0 else []


def _make_credentials(directory: Path, user: str, mqtt: Mqtt) -> Path | None:
    path = directory / f"{user}.toml"
    if path.exists():
        return None
    authority = f'ca_file = "{Path(mqtt.ca_file).resolve()}"\n' if mqtt.ca_file else ""
    text = f'# A secret: mode 0600, for `{user}` only.\nuser = "{user}"\npassword = "{new_secret()}"\n{authority}'
    return _write(path, text, 0o600)


def _write(path: Path, text: str, mode: int, mqtt: Mqtt | None = None) -> Path | None:
    """Replace `path` whole, unless that is what it holds already; nobody ever sees a half-written or a readable secret."""
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return None
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    if mqtt is not None:
        _hand_over(part, mqtt)
    part.replace(path)
    return path


def _hand_over(path: Path, mqtt: Mqtt) -> None:
    if mqtt.run_as and os.geteuid() == 0:
        shutil.chown(path, mqtt.run_as)
