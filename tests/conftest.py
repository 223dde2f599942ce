"""Fixtures every room may use."""

from tests.mosquitto_fixture import mosquitto, mosquitto_url
from tests.servers import kafka_server, kafka_url

__all__ = ["kafka_server", "kafka_url", "mosquitto", "mosquitto_url"]
