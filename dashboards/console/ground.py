"""What lies under the map: own GeoJSON layers, and tiles only where somebody asked for them. By default nothing is fetched.

Tiles come from a server (`tiles`, a URL with {z}, {x} and {y}; its origin is then allowed for pictures) or out of one raster PMTiles file
that the console reads itself (`pmtiles`), so that a closed network has a map too.
"""

from __future__ import annotations

import json
import logging
import zlib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pmtiles.reader import MmapSource, Reader
from pmtiles.tile import MagicNumberNotFound, SpecVersionUnsupported, TileType

from city_model.faults import ConfigError, Problem
from dashboards.console.map_settings import MapSettings

MOST_LAYER_BYTES = 5_000_000
log = logging.getLogger("saola.console")
_MEDIA = {TileType.PNG: "image/png", TileType.JPEG: "image/jpeg", TileType.WEBP: "image/webp"}


class Ground:
    """The ground of the map, opened. Raises ConfigError with all problems."""

    def __init__(self, settings: MapSettings | None = None, directory: Path = Path(), file: str = "console.toml") -> None:
        self._settings = settings = settings or MapSettings()
        self._reader: Reader | None = None
        self.media = ""
        self.zooms = (0, 19)
        problems: list[Problem] = []
        self.layers = [layer for name in settings.layers if (layer := _layer(directory / name, name, file, problems)) is not None]
        if settings.pmtiles:
            self._open(directory / settings.pmtiles, file, problems)
        if problems:
            raise ConfigError(problems)

    def _open(self, path: Path, file: str, problems: list[Problem]) -> None:
        expected = "a PMTiles (version 3) file of PNG, JPEG or WebP tiles"
        try:
            with path.open("rb") as archive:
                reader = Reader(MmapSource(archive))
            header = reader.header()
        except (OSError, ValueError, IndexError, MagicNumberNotFound, SpecVersionUnsupported) as err:
            problems.append(Problem(file, "map.pmtiles", f"{path}: {err or type(err).__name__}", expected))
        else:
            if header["tile_type"] not in _MEDIA:
                problems.append(Problem(file, "map.pmtiles", f"{path}: tiles of type {header['tile_type'].name}", expected))
                return
            self._reader, self.media, self.zooms = reader, _MEDIA[header["tile_type"]], (header["min_zoom"], header["max_zoom"])

    @property
    def origin(self) -> str:
        """Where pictures may come from besides us; empty: nowhere."""
        url = urlsplit(self._settings.tiles)
        return f"{url.scheme}://{url.netloc}" if self._settings.tiles else ""

    def described(self) -> dict[str, object]:
        """What the page draws under everything else."""
        url = "api/map/tiles/{z}/{x}/{y}" if self._reader is not None else self._settings.tiles
        zooms = {"min_zoom": self.zooms[0], "max_zoom": self.zooms[1]}
        return {"tiles": url, "attribution": self._settings.attribution, **zooms, "layers": self.layers}

    def tile(self, z: int, x: int, y: int) -> bytes | None:
        """A tile of the PMTiles file; None where it has none."""
        if self._reader is None or not self.zooms[0] <= z <= self.zooms[1] or not (0 <= x < 2**z and 0 <= y < 2**z):
            return None
        try:
            found: bytes | None = self._reader.get(z, x, y)
        except (OSError, EOFError, ValueError, IndexError, zlib.error) as err:  # bytes that are not what they should be
            log.warning("a tile cannot be read", extra={"tile": f"{z}/{x}/{y}", "error": str(err)})
            return None
        return found


def _layer(path: Path, name: str, file: str, problems: list[Problem]) -> dict[str, Any] | None:
    expected = f"a GeoJSON FeatureCollection of at most {MOST_LAYER_BYTES // 1_000_000} MB"
    try:
        if path.stat().st_size > MOST_LAYER_BYTES:
            raise ValueError(f"{path.stat().st_size} bytes")
        layer = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(layer, dict) or layer.get("type") != "FeatureCollection" or not isinstance(layer.get("features"), list):
            raise ValueError("no FeatureCollection")
    except (OSError, ValueError, RecursionError) as err:
        problems.append(Problem(file, "map.layers", f"{name}: {err}", expected))
        return None
    return layer
