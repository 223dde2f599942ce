"""Fixtures every room may use."""

from tests.servers import kafka_server, kafka_url

__all__ = ["kafka_server", "kafka_url"]
