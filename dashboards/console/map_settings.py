"""What lies under the map, as `console.toml` says it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class MapSettings:
    """`[map]` of `console.toml`. Paths are relative to that file. `attribution`: whom the tiles are from, shown on the map."""

    tiles: str = ""
    pmtiles: str = ""
    attribution: str = ""
    layers: tuple[str, ...] = ()

    def check(self) -> Iterator[tuple[str, str, str]]:
        """One source of tiles, and one that can be asked for a place."""
        if self.tiles and self.pmtiles:
            yield "pmtiles", self.pmtiles, "tiles or pmtiles, not both"
        url = urlsplit(self.tiles)
        if self.tiles and (
            url.scheme not in ("http", "https") or not url.hostname or not all(p in self.tiles for p in ("{z}", "{x}", "{y}"))
        ):
            yield "tiles", self.tiles, "an http or https URL with {z}, {x} and {y}"
        if self.tiles and any(c in url.netloc for c in " ;,'\"*{@"):
            yield "tiles", self.tiles, "a plain host name, with a port at most"
