"""Where the recordings are, and the stations of Beijing as columns of hours."""

from __future__ import annotations

import csv
import gzip
import json
import os
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

DATA = Path(os.environ.get("SAOLA_DATA", Path(__file__).parents[2].parent / "shared" / "data"))
needs_data = pytest.mark.skipif(not (DATA / "prsa_beijing").is_dir(), reason=f"no recordings in {DATA} (SAOLA_DATA)")
needs_vectors = pytest.mark.skipif(not (DATA / "aqi_vectors").is_dir(), reason=f"no vectors in {DATA} (SAOLA_DATA)")
COLUMNS = {"PM2.5": "pm25", "PM10": "pm10", "SO2": "so2", "NO2": "no2", "CO": "co", "O3": "o3"}


@dataclass(frozen=True)
class Station:
    """Every hour of four years: as decimals, and as floats with NaN for what is missing."""

    name: str
    decimals: dict[str, list[Decimal | None]]
    floats: dict[str, NDArray[np.float64]]


@cache
def vectors() -> dict[str, Any]:
    """aqi_vectors.json."""
    found: dict[str, Any] = json.loads((DATA / "aqi_vectors" / "aqi_vectors.json").read_text(encoding="utf-8"))
    return found


def station_files() -> list[Path]:
    return sorted((DATA / "prsa_beijing").glob("*.csv.gz"))


def station(path: Path) -> Station:
    """One file."""
    number = cache(lambda cell: None if cell == "NA" else Decimal(cell))
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        rows = list(csv.reader(stream))
    header, body = rows[0], rows[1:]
    decimals = {quantity: [number(row[header.index(name)]) for row in body] for name, quantity in COLUMNS.items()}
    floats = {quantity: np.array([np.nan if c is None else float(c) for c in column]) for quantity, column in decimals.items()}
    return Station(path.name.split("_")[2], decimals, floats)
