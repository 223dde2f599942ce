"""A real Mosquitto for the whole session: one broker for the city of `broker_city`, rendered by our own configuration."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from broker_config.mosquitto import MosquittoServer, start_for_city
from city_model.faults import Unavailable
from city_model.registry import Area, City, Device, Direction, Site
from tests.servers import require

broker_city = City(
    "Thành phố thử",
    "Test city",
    area=(Area("center"), Area("river")),
    site=(Site("ht-kt", "center", "Hàng Tre", "Hang Tre", 21.0, 105.8), Site("bank", "river", "Bờ sông", "River bank", 21.1, 105.9)),
    device=(
        Device("pole-1", "ht-kt", "agent"),
        Device("cam-1", "ht-kt", "camera", "pole-1", directions=(Direction("in"), Direction("out"))),
        Device("air-1", "ht-kt", "air", "pole-1", ("pm25", "humidity")),
        Device("air-2", "bank", "air", quantities=("pm25", "temperature")),
    ),
)
"""An agent with a camera and an air sensor, and an air sensor that connects itself."""


@pytest.fixture(scope="session")
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MosquittoServer]:
    """A running broker; credentials are in `mosquitto.conf.parent / "credentials"`."""
    try:
        server = start_for_city(broker_city, tmp_path_factory.mktemp("mosquitto"))
    except Unavailable as err:
        require("mosquitto", str(err))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def mosquitto_url(mosquitto: MosquittoServer) -> str:
    """`mqtt://127.0.0.1:PORT`, as `make_transport` takes it."""
    return mosquitto.url
