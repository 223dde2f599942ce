"""A series store by URL: `sqlite:PATH` is the embedded one."""

from __future__ import annotations

from pathlib import Path

from city_model.faults import ConfigError, Problem
from stream_processor.stores.keep import Keep
from stream_processor.stores.port import SeriesStore


def open_store(url: str, keep: Keep | None = None) -> SeriesStore:
    """Open (and create) the store at `url`. Raises ConfigError for a URL nobody knows, Unavailable when it cannot be opened.

    `keep` is how long it keeps what; without it, the defaults of `Keep`.
    """
    kind, _, rest = url.partition(":")
    if kind == "sqlite" and rest:
        from stream_processor.stores.embedded import EmbeddedStore

        return EmbeddedStore(Path(rest), keep)
    raise ConfigError([Problem("--store", "url", repr(url), "sqlite:PATH")])
