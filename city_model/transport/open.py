"""From an address to a transport: `mqtt://host:port` or `mqtts://host:port`."""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from city_model.faults import ConfigError, Problem
from city_model.transport.credentials import Credentials, load_credentials
from city_model.transport.mqtt import RECEIVE_MAXIMUM, SESSION_EXPIRY_S, Address, MqttTransport

_PORTS = {"mqtt": 1883, "mqtts": 8883}
_EXPECTED = "mqtt://HOST[:PORT] or mqtts://HOST[:PORT]"


def make_transport(
    url: str,
    credentials_file: Path | None = None,
    *,
    allow_plaintext: bool = False,
    receive_maximum: int = RECEIVE_MAXIMUM,
    session_expiry_s: int = SESSION_EXPIRY_S,
) -> MqttTransport:
    """A transport for `url`, not yet connected. Raises ConfigError with the problems of address and credentials.

    Without TLS only this machine is spoken to, unless `allow_plaintext` says that the network is trusted. The broker forgets
    the session `session_expiry_s` after the connection ended.
    """
    problems: list[Problem] = []
    try:
        address = parse_address(url, allow_plaintext=allow_plaintext)
    except ConfigError as err:
        problems += err.problems
    try:
        credentials = _credentials(credentials_file)
    except ConfigError as err:
        problems += err.problems
    if problems:
        raise ConfigError(problems)
    return MqttTransport(address, credentials, receive_maximum=receive_maximum, session_expiry_s=session_expiry_s)


def parse_address(url: str, *, allow_plaintext: bool = False) -> Address:
    """Host, port and TLS of `url`. Raises ConfigError."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _wrong("not an address with a port", _EXPECTED) from None
    if parts.username is not None or parts.password is not None:
        raise _wrong("an address with a user or password in it", "the secret in a credentials file of mode 0600")
    if parts.scheme not in _PORTS or not parts.hostname or parts.path.strip("/") or parts.query or parts.fragment:
        raise _wrong(repr(url[:100]), _EXPECTED)
    address = Address(parts.hostname, port or _PORTS[parts.scheme], parts.scheme == "mqtts")
    if not address.tls and not allow_plaintext and not is_loopback(address.host):
        raise _wrong(f"plaintext to {address.host}", f"mqtts://{address.host}, or plaintext allowed in so many words")
    return address


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _credentials(path: Path | None) -> Credentials | None:
    if path is None:
        return None
    credentials = load_credentials(path)
    return replace(credentials, ca_file=str(path.parent / credentials.ca_file)) if credentials.ca_file else credentials


def _wrong(found: str, expected: str) -> ConfigError:
    return ConfigError([Problem("mqtt", "url", found, expected)])
