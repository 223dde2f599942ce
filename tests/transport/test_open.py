"""Addresses and credentials: refused before a socket opens, secrets never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from city_model.faults import ConfigError, Rejected
from city_model.transport.credentials import Credentials, load_credentials
from city_model.transport.mqtt import Address
from city_model.transport.open import make_transport, parse_address


def test_addresses_have_the_usual_ports() -> None:
    assert parse_address("mqtt://127.0.0.1") == Address("127.0.0.1", 1883, False)
    assert parse_address("mqtt://localhost:11883/") == Address("localhost", 11883, False)
    assert parse_address("mqtt://[::1]:2000") == Address("::1", 2000, False)
    assert parse_address("mqtts://broker.city.example") == Address("broker.city.example", 8883, True)


@pytest.mark.parametrize(
    "url", ["", "localhost:1883", "http://x", "mqtt://", "mqtt://h:99999", "mqtt://h:x", "mqtts://h/path", "mqtts://h?q=1"]
)
def test_anything_else_is_a_configuration_error(url: str) -> None:
    with pytest.raises(ConfigError):
        parse_address(url)


def test_plaintext_off_loopback_is_refused_unless_allowed() -> None:
    with pytest.raises(ConfigError, match=r"plaintext to 10\.0\.0\.5"):
        make_transport("mqtt://10.0.0.5")
    assert not make_transport("mqtt://10.0.0.5", allow_plaintext=True).connected
    assert not make_transport("mqtts://10.0.0.5").connected


def test_a_secret_in_an_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(ConfigError) as refusal:
        parse_address("mqtts://pole:hunter2@broker")
    assert "hunter2" not in str(refusal.value)


def test_credentials_others_can_read_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "pole.toml"
    path.write_text('user = "pole-1"\npassword = "s3cret"\n')
    path.chmod(0o640)
    with pytest.raises(ConfigError, match="0600"):
        load_credentials(path)
    path.chmod(0o600)
    assert load_credentials(path) == Credentials("pole-1", "s3cret")
    assert "s3cret" not in repr(load_credentials(path))


def test_all_problems_of_a_credentials_file_are_named(tmp_path: Path) -> None:
    path = tmp_path / "pole.toml"
    path.write_text('usr = "pole-1"\n')
    with pytest.raises(ConfigError) as refusal:
        make_transport("mqtt://localhost", path)
    assert {p.key for p in refusal.value.problems} == {"usr", "user", "password"}


@pytest.mark.live
async def test_a_wrong_password_and_no_password_are_rejected(mosquitto_url: str, tmp_path: Path) -> None:
    path = tmp_path / "wrong.toml"
    path.touch(0o600)
    path.write_text('user = "pole-1"\npassword = "guess"\n')
    for credentials in (path, None):
        client = make_transport(mosquitto_url, credentials)
        with pytest.raises(Rejected) as refusal:
            await client.connect("intruder")
        assert refusal.value.code == "not_authorized"
        assert "guess" not in str(refusal.value)
