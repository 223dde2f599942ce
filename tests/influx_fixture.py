"""A real InfluxDB for the whole session: the one SAOLA_INFLUX_URL and SAOLA_INFLUX_TOKEN name, or an influxd of our own.

A given token must be an operator's or an all-access one of the organisation SAOLA_INFLUX_ORG (default: saola). Every test gets buckets
of its own and removes them.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from broker_config.influx import InfluxServer
from city_model.faults import Unavailable
from stream_processor.stores.influx_client import HttpRefused, InfluxClient
from stream_processor.stores.influx_file import InfluxFile, load_influx_file, write_influx_file
from stream_processor.stores.influx_setup import ADMIN, first_time, set_up
from stream_processor.stores.keep import FOR_EVER, Keep
from tests.servers import require


@dataclass(frozen=True, slots=True)
class InfluxPlace:
    """Where InfluxDB is and its administrator's file."""

    url: str
    admin_file: Path
    server: InfluxServer | None

    def set_up(self, directory: Path, bucket: str, keep: Keep = FOR_EVER) -> None:
        """influx-write.toml and influx-read.toml in `directory`, for buckets of that name."""
        directory.mkdir(parents=True, exist_ok=True)
        list(set_up(replace(load_influx_file(self.admin_file), bucket=bucket), self.admin_file, keep, directory))

    def remove(self, bucket: str) -> None:
        """Delete the buckets of that name and the tokens for them."""
        client = InfluxClient(load_influx_file(self.admin_file))
        for name in (bucket, f"{bucket}_1m", f"{bucket}_1h"):
            with suppress(HttpRefused):
                for found in client.ask_json("GET", "/api/v2/buckets", {"name": name})["buckets"]:
                    client.ask("DELETE", f"/api/v2/buckets/{found['id']}")
        for token in client.ask_json("GET", "/api/v2/authorizations")["authorizations"]:
            if token.get("description") in (f"saola read {bucket}", f"saola write {bucket}"):
                client.ask("DELETE", f"/api/v2/authorizations/{token['id']}")
        client.close()


@pytest.fixture(scope="session")
def influx_place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxPlace]:
    """A running InfluxDB, set up."""
    directory = tmp_path_factory.mktemp("influxd")
    url, token = os.environ.get("SAOLA_INFLUX_URL", ""), os.environ.get("SAOLA_INFLUX_TOKEN", "")
    if url and token:
        given = InfluxFile(url, os.environ.get("SAOLA_INFLUX_ORG", "saola"), "saola", token, plaintext="trusted_network")
        write_influx_file(directory / ADMIN, given, "given")
        yield InfluxPlace(url, directory / ADMIN, None)
        return
    try:
        server = InfluxServer.start(directory / "data")
    except Unavailable as err:
        require("influxd", str(err))
    first_time(InfluxFile(server.url, "saola", "first"), directory)
    yield InfluxPlace(server.url, directory / ADMIN, server)
    server.stop()


@pytest.fixture
def influx_files(influx_place: InfluxPlace, tmp_path: Path) -> Iterator[Path]:
    """A directory with influx-write.toml and influx-read.toml for empty buckets that keep everything."""
    bucket = f"t{uuid.uuid4().hex[:10]}"
    influx_place.set_up(tmp_path / "influx", bucket)
    yield tmp_path / "influx"
    influx_place.remove(bucket)
