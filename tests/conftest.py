"""Fixtures every room may use."""

from tests.influx_fixture import influx_files, influx_place
from tests.mosquitto_fixture import mosquitto, mosquitto_url
from tests.servers import kafka_server, kafka_url

__all__ = ["influx_files", "influx_place", "kafka_server", "kafka_url", "mosquitto", "mosquitto_url"]
