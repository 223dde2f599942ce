"""The broker in process, with the ACL of the registry."""

from __future__ import annotations

from pathlib import Path

from broker_config.acl import Access
from city_model.transport.local import LocalBroker, LocalTransport
from tests.mosquitto_fixture import broker_city

LIVE = ""


class LocalKit:
    def __init__(self) -> None:
        self._broker = LocalBroker(Access(broker_city))

    def client(self, user: str) -> LocalTransport:
        return self._broker.client(user)

    def stop(self) -> None:
        self._broker.stop()

    def start(self) -> None:
        self._broker.start()

    def close(self) -> None:
        pass


def make(directory: Path) -> LocalKit:
    return LocalKit()
