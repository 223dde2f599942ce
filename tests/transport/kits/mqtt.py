"""paho against a real Mosquitto of its own, rendered from the registry."""

from __future__ import annotations

from pathlib import Path

from broker_config.mosquitto import MosquittoServer, start_for_city
from city_model.transport.mqtt import MqttTransport
from city_model.transport.open import make_transport
from tests.mosquitto_fixture import broker_city

LIVE = "mosquitto"


class MqttKit:
    def __init__(self, server: MosquittoServer) -> None:
        self._server = server

    def client(self, user: str) -> MqttTransport:
        return make_transport(self._server.url, self._server.conf.parent / "credentials" / f"{user}.toml")

    def stop(self) -> None:
        self._server.stop()

    def start(self) -> None:
        self._server.run()

    def close(self) -> None:
        self._server.stop()


def make(directory: Path) -> MqttKit:
    return MqttKit(start_for_city(broker_city, directory))
