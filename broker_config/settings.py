"""`broker.toml`: what the servers are told beside the registry. Every setting has a default; an absent file means all of them.

[mqtt]
address = "127.0.0.1"          # where Mosquitto listens; anything else than loopback needs a certificate
port = 1883
cert_file = ""                 # PEM; with key_file: TLS 1.2 or later
key_file = ""
ca_file = ""                   # given to clients, whose system does not know who signed the certificate
plaintext = "loopback"         # "trusted_network" allows addresses off loopback without TLS
max_payload_bytes = 1048576    # above the platform's own 256 KiB, so that what is too big reaches the dead letters
max_queued_messages = 200000   # kept per absent client; 0 would cut clients whose publish is denied
max_inflight_messages = 1000   # un-acked per client
autosave_s = 5                 # a SIGKILL loses at most this much of the broker's memory
max_connections = 10000
persistence_dir = ""           # empty: `data` beside mosquitto.conf
run_as = ""                    # the system user Mosquitto becomes when root starts it; empty: whoever renders

[kafka]
bootstrap = "127.0.0.1:9092"   # empty: this city has no Kafka
partitions = 12                # fixed when the topics are made
replicas = 1                   # with one replica, inputs and frames are flushed at every append
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from city_model.settings import between, load, matching
from city_model.topics import DEFAULT_PARTITIONS, MAX_PAYLOAD_BYTES
from city_model.transport.open import is_loopback

_ONE_LINE = r"[^\x00\n\r]*"


@dataclass(frozen=True, slots=True)
class Mqtt:
    """Mosquitto's part; the module's text has the meaning of each."""

    address: str = matching(r"[0-9A-Za-z.:_-]+", "a host name or address", default="127.0.0.1")
    port: int = between(1, 65535, default=1883)
    cert_file: str = matching(_ONE_LINE, "a path", default="")
    key_file: str = matching(_ONE_LINE, "a path", default="")
    ca_file: str = matching(_ONE_LINE, "a path", default="")
    plaintext: Literal["loopback", "trusted_network"] = "loopback"
    max_payload_bytes: int = between(MAX_PAYLOAD_BYTES + 1, 64 * 1024 * 1024, default=1024 * 1024)
    max_queued_messages: int = between(1000, 10_000_000, default=200_000)
    max_inflight_messages: int = between(20, 65_535, default=1000)
    autosave_s: int = between(1, 3600, default=5)
    max_connections: int = between(1, 1_000_000, default=10_000)
    persistence_dir: str = matching(_ONE_LINE, "a path", default="")
    run_as: str = matching(r"[a-z_][a-z0-9_-]*|", "a system user", default="")

    def check(self) -> Iterable[tuple[str, str, str]]:
        if bool(self.cert_file) != bool(self.key_file):
            yield "cert_file", "one of cert_file and key_file is empty", "both or neither"
        for name in ("cert_file", "key_file", "ca_file"):
            path = getattr(self, name)
            if path and not Path(path).is_file():
                yield name, f"{path} is no file", "a PEM file"
        if not self.cert_file and self.plaintext == "loopback" and not is_loopback(self.address):
            yield "address", f"plaintext on {self.address}", 'cert_file and key_file, a loopback address, or plaintext = "trusted_network"'


@dataclass(frozen=True, slots=True)
class Kafka:
    """Kafka's part."""

    bootstrap: str = matching(r"([^\s,]+:\d+(,[^\s,]+:\d+)*)?", "host:port, comma-separated", default="127.0.0.1:9092")
    partitions: int = between(1, 1000, default=DEFAULT_PARTITIONS)
    replicas: int = between(1, 7, default=1)


@dataclass(frozen=True, slots=True)
class BrokerSettings:
    """All of `broker.toml`."""

    mqtt: Mqtt = field(default_factory=Mqtt)
    kafka: Kafka = field(default_factory=Kafka)


def load_settings(path: Path | None) -> BrokerSettings:
    """Read `path`; None means all defaults. Raises ConfigError with all problems."""
    return BrokerSettings() if path is None else load(BrokerSettings, path)
