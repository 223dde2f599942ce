"""The same series in the embedded store and in a real InfluxDB."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from city_model.registry import City
from stream_processor.stores.influx_client import InfluxClient
from stream_processor.stores.influx_file import load_influx_file
from stream_processor.stores.open import open_store
from stream_processor.stores.port import SeriesStore
from tests.boards.seed import seed
from tests.console.town import town
from tests.influx_fixture import InfluxPlace


@pytest.fixture(scope="session")
def city() -> City:
    return town()


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeriesStore]:
    store = open_store(f"sqlite:{tmp_path_factory.mktemp('boards') / 'series.db'}")
    store.write(seed())
    yield store
    store.close()


@pytest.fixture(scope="session")
def influx_directory(influx_place: InfluxPlace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Tokens for buckets that hold the seed."""
    directory, bucket = tmp_path_factory.mktemp("boards-influx"), f"b{uuid.uuid4().hex[:10]}"
    influx_place.set_up(directory, bucket)
    store = open_store(f"influx:{directory / 'influx-write.toml'}")
    store.write(seed())
    store.close()
    yield directory
    influx_place.remove(bucket)


@pytest.fixture(scope="session")
def influx(influx_directory: Path) -> Iterator[SeriesStore]:
    store = open_store(f"influx:{influx_directory / 'influx-read.toml'}")
    yield store
    store.close()


@pytest.fixture(scope="session")
def flux_client(influx_directory: Path) -> Iterator[InfluxClient]:
    """With the token that only reads, as Grafana has it."""
    client = InfluxClient(load_influx_file(influx_directory / "influx-read.toml"))
    yield client
    client.close()


@pytest.fixture(scope="session")
def bucket(influx_directory: Path) -> str:
    return load_influx_file(influx_directory / "influx-read.toml").bucket
