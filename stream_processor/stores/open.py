"""A series store by URL: `sqlite:PATH` is the embedded one, `influx:FILE` is InfluxDB as the TOML file says (address, buckets, token)."""

from __future__ import annotations

from pathlib import Path

from city_model.faults import ConfigError, Problem
from stream_processor.stores.keep import Keep
from stream_processor.stores.port import SeriesStore


def open_store(url: str, keep: Keep | None = None) -> SeriesStore:
    """Open (and create) the store at `url`. Raises ConfigError for a URL nobody knows, Unavailable when it cannot be opened.

    `keep` is for the embedded store, which forgets by itself; in InfluxDB each bucket has its retention, set by `saola store setup`.
    InfluxDB is first spoken to by the first call, so that a service may start before it.
    """
    kind, _, rest = url.partition(":")
    if kind == "sqlite" and rest:
        from stream_processor.stores.embedded import EmbeddedStore

        return EmbeddedStore(Path(rest), keep)
    if kind == "influx" and rest:
        from stream_processor.stores.influx import InfluxStore

        return InfluxStore(Path(rest))
    raise ConfigError([Problem("--store", "url", repr(url), "sqlite:PATH or influx:FILE")])
