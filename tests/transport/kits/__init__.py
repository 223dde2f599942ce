"""One file for each implementation of the transport port: how the contract suite gets brokers and clients of it."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from city_model.transport.local import LocalTransport
from city_model.transport.mqtt import MqttTransport

Client = LocalTransport | MqttTransport


class Kit(Protocol):
    """A broker that knows the users of `tests.mosquitto_fixture.broker_city` and nobody else."""

    def client(self, user: str) -> Client: ...

    def stop(self) -> None: ...

    def start(self) -> None: ...

    def close(self) -> None: ...


class MakeKit(Protocol):
    """What each file of this folder offers under the name `make`."""

    def __call__(self, directory: Path) -> Kit: ...
