"""Real servers for tests marked `live`: started once per session on free loopback ports.

A missing server skips its tests with the reason, unless SAOLA_REQUIRE (a comma list: "kafka,mosquitto") names it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NoReturn

import pytest

from broker_config.kafka import KafkaServer
from city_model.faults import Unavailable


def require(name: str, reason: str) -> NoReturn:
    """Give up on server `name`: fail when SAOLA_REQUIRE names it, skip otherwise."""
    required = {word.strip() for word in os.environ.get("SAOLA_REQUIRE", "").split(",")}
    if name in required:
        pytest.fail(f"{name} is required here: {reason}", pytrace=False)
    pytest.skip(f"{name}: {reason}")


@pytest.fixture(scope="session")
def kafka_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    """A Kafka of one process for the whole session."""
    try:
        server = KafkaServer.start(tmp_path_factory.mktemp("kafka"))
    except Unavailable as err:
        require("kafka", str(err))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def kafka_url(kafka_server: KafkaServer) -> str:
    """`kafka://127.0.0.1:PORT`, as `open_log` takes it."""
    return kafka_server.url
