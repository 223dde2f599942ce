"""The ground of the map: what is drawn under everything, and the tiles that we serve ourselves."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import FastAPI, Path
from starlette.responses import Response

from dashboards.console.access import Access
from dashboards.console.gate import answer, operation
from dashboards.console.ground import Ground
from dashboards.console.problems import problem

Zoom = Annotated[int, Path(ge=0, le=24)]
Column = Annotated[int, Path(ge=0, lt=2**24)]


def add_map(app: FastAPI, access: Access, ground: Ground) -> None:
    """The operations `map_ground` and `map_tile`."""

    @operation(app, access, "GET", "/api/map", "map_ground")
    async def map_ground() -> Response:
        """Own layers as GeoJSON, and where tiles come from; an empty `tiles`: there are none."""
        return answer(ground.described())

    media = (ground.media or "image/png",)

    @operation(app, access, "GET", "/api/map/tiles/{z}/{x}/{y}", "map_tile", answers={404: "no such tile"}, media=media)
    async def map_tile(z: Zoom, x: Column, y: Column) -> Response:
        """A tile of the PMTiles file."""
        tile = await asyncio.to_thread(ground.tile, z, x, y)
        if tile is None:
            return problem(404, "no_tile", "there is no such tile")
        return Response(tile, media_type=ground.media, headers={"cache-control": "private, max-age=86400"})
