"""InfluxDB joins the contract, with the write token: it may read too."""

from __future__ import annotations

from pathlib import Path

from stream_processor.stores.open import open_store
from stream_processor.stores.port import SeriesStore

NEEDS = "influx_files"


def opened(directory: Path) -> SeriesStore:
    return open_store(f"influx:{directory / 'influx-write.toml'}")
