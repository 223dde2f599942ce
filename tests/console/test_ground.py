"""The ground of the map: nothing by default, own layers, tiles of a server or of a file, and every mistake told at once."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest
from pmtiles.tile import Compression, TileType, zxy_to_tileid
from pmtiles.writer import Writer

from city_model.clock import ManualClock
from city_model.faults import ConfigError
from city_model.settings import from_table
from dashboards.console.app import create_app
from dashboards.console.ground import Ground
from dashboards.console.map_settings import MapSettings
from dashboards.console.serve import serve
from stream_processor.logs.port import EventLog
from stream_processor.stores.port import SeriesStore
from tests.console.town import T0, Engine

TILE = cv2.imencode(".png", np.full((256, 256, 3), 200, np.uint8))[1].tobytes()


def archive(path: Path, kind: TileType = TileType.PNG) -> None:
    """Two tiles."""
    with path.open("wb") as file:
        writer = Writer(file)
        for z, x, y in ((10, 815, 480), (10, 816, 480)):
            writer.write_tile(zxy_to_tileid(z, x, y), TILE)
        writer.finalize({"tile_type": kind, "tile_compression": Compression.NONE, "min_zoom": 10, "max_zoom": 10}, {})


def layer(path: Path) -> dict[str, object]:
    made: dict[str, object] = {"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {}, "geometry": None}]}
    path.write_text(json.dumps(made), encoding="utf-8")
    return made


async def asked(ground: Ground, log: EventLog, store: SeriesStore, engine: Engine, paths: list[str]) -> list[httpx.Response]:
    stop = asyncio.Event()
    app = create_app(log, store, engine.city, ManualClock(T0), ground=ground)
    port = await serve(app, "127.0.0.1", 0, stop)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        answers = [await client.get(path) for path in paths]
    stop.set()
    await app.state.served
    store.close()
    return answers


async def test_by_default_there_is_nothing_to_fetch(log: EventLog, store: SeriesStore, engine: Engine) -> None:
    ground, tile = await asked(Ground(), log, store, engine, ["/api/map", "/api/map/tiles/10/815/480"])
    assert (ground.json()["tiles"], ground.json()["layers"]) == ("", [])
    assert "img-src" not in ground.headers["content-security-policy"]
    assert tile.status_code == 404


async def test_a_file_of_tiles_and_a_layer_are_served(tmp_path: Path, log: EventLog, store: SeriesStore, engine: Engine) -> None:
    archive(tmp_path / "city.pmtiles")
    made = layer(tmp_path / "wards.geojson")
    ground = Ground(MapSettings(pmtiles="city.pmtiles", layers=("wards.geojson",), attribution="© A & B"), tmp_path)
    tiles = [f"/api/map/tiles/{at}" for at in ("10/815/480", "10/1/1", "9/1/1", "10/1024/0", "99/0/0")]
    told, tile, *missing = await asked(ground, log, store, engine, ["/api/map", *tiles])
    assert told.json() == {
        "tiles": "api/map/tiles/{z}/{x}/{y}", "attribution": "© A & B", "min_zoom": 10, "max_zoom": 10, "layers": [made],
    }  # fmt: skip
    assert (tile.content, tile.headers["content-type"]) == (TILE, "image/png")
    assert [answer.status_code for answer in missing] == [404, 404, 404, 422]


async def test_pictures_may_come_from_the_tile_server_that_was_named(log: EventLog, store: SeriesStore, engine: Engine) -> None:
    settings = from_table(MapSettings, {"tiles": "https://tiles.example.vn/a/{z}/{x}/{y}.png"}, "console.toml")
    (told,) = await asked(Ground(settings), log, store, engine, ["/api/map"])
    assert told.json()["tiles"] == "https://tiles.example.vn/a/{z}/{x}/{y}.png"
    assert "img-src 'self' https://tiles.example.vn" in told.headers["content-security-policy"].split("; ")


@pytest.mark.parametrize(
    "url",
    ["ftp://a/{z}/{x}/{y}", "https://a/{z}/{x}", "https:///{z}/{x}/{y}", "https://a;script-src/{z}/{x}/{y}", "https://a b/{z}/{x}/{y}"],
)
def test_a_url_that_is_no_tile_server_is_refused(url: str) -> None:
    with pytest.raises(ConfigError):
        from_table(MapSettings, {"tiles": url}, "console.toml")


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "no.geojson").write_text('{"type": "Point"}')
    archive(tmp_path / "vector.pmtiles", TileType.MVT)
    for name, content in (("short.pmtiles", b"PMTi"), ("other.pmtiles", os.urandom(500)), ("vector.pmtiles", None)):
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(ConfigError) as caught:
            Ground(MapSettings(pmtiles=name, layers=("no.geojson", "missing.geojson")), tmp_path)
        assert [problem.key for problem in caught.value.problems] == ["map.layers", "map.layers", "map.pmtiles"]
