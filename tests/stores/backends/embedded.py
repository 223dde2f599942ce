"""The embedded store joins the contract."""

from __future__ import annotations

from pathlib import Path

from stream_processor.stores.open import open_store
from stream_processor.stores.port import SeriesStore


def opened(directory: Path) -> SeriesStore:
    return open_store(f"sqlite:{directory / 'series.db'}")
