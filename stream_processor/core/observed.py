"""From parcels to what the series store gets, and to the columns that detectors judge."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from city_model.codec import observations as codec
from city_model.codec import packed
from city_model.events import Readings, TrafficSample
from stream_processor.core.detectors.port import Batch, DeviceSamples
from stream_processor.core.parcel import Parcel, Ready, Use

_FLAG_LATE = 1
_MOST_ROWS = 5_000


def observations(ready: Iterable[Ready]) -> Iterator[tuple[bytes, str, int]]:
    """(payload, content type, newest time in ms) of the series points in `ready`: those in time, then those that came late."""
    ready = list(ready)
    for flags, uses in ((0, (Use.BOTH, Use.SERIES)), (_FLAG_LATE, (Use.LATE,))):
        parcels = [r.parcel for r in ready if r.use in uses]
        for columns in chunks(_columns(parcels)):
            yield codec.encode(columns, flags), codec.CONTENT_TYPE, int(columns.at_ms.max())


def _columns(parcels: Iterable[Parcel]) -> Readings:
    names: dict[str, int] = {}
    index: list[NDArray[Any]] = []  # a batch may have more names than 16 bits count; its chunks have not
    times: list[NDArray[np.int64]] = []
    values: list[NDArray[np.float64]] = []
    for parcel in parcels:
        items = parcel.items if isinstance(parcel.items, Readings) else _sample_columns(parcel.items)
        table = np.array([names.setdefault(f"{parcel.device}/{name}", len(names)) for name in items.names], np.int32)
        index.append(table[items.name_index])
        times.append(items.at_ms)
        values.append(items.value)
    if not index:
        return Readings((), np.empty(0, np.uint16), np.empty(0, np.int64), np.empty(0))
    return Readings(tuple(names), np.concatenate(index), np.concatenate(times), np.concatenate(values))


def _sample_columns(samples: Sequence[TrafficSample]) -> Readings:
    """A sick camera's figures say nothing about the road: none of them enters a series."""
    names: dict[str, int] = {}
    index, times, values = [], [], []
    for sample in samples:
        if sample.health != "ok":
            continue
        for name, value in _figures(sample):
            index.append(names.setdefault(f"{sample.direction}/{name}", len(names)))
            times.append(sample.at_ms)
            values.append(value)
    return Readings(tuple(names), np.array(index, np.uint16), np.array(times, np.int64), np.array(values, np.float64))


def _figures(sample: TrafficSample) -> Iterator[tuple[str, float]]:
    if sample.speed_kmh is not None:
        yield "speed_kmh", sample.speed_kmh
    elif sample.speed_px_s is not None:
        yield "speed_px_s", sample.speed_px_s
    yield "area_occupancy", sample.area_occupancy
    yield "flow_pcu_h", sample.flow_pcu_h
    yield "confidence", sample.confidence


def chunks(columns: Readings) -> Iterator[Readings]:
    """In parts that fit into one observation each, with the names that occur in it."""
    if len(columns) <= _MOST_ROWS and len(columns.names) <= _MOST_ROWS:
        if len(columns):
            yield columns
        return
    for start in range(0, len(columns), _MOST_ROWS):
        part = slice(start, start + _MOST_ROWS)
        yield packed.only_named(Readings(columns.names, columns.name_index[part], columns.at_ms[part], columns.value[part]))


def judged_batch(parcels: Sequence[Parcel]) -> Batch:
    """Columns ordered by device (first seen first) and, within a device, as given."""
    of_device: dict[str, list[Parcel]] = {}
    for parcel in parcels:
        of_device.setdefault(parcel.device, []).append(parcel)
    devices = tuple(of_device)
    quantities: dict[str, int] = {}
    device_index, quantity_index, times, values = [], [], [], []
    samples: list[DeviceSamples] = []
    for row, device in enumerate(devices):
        for parcel in of_device[device]:
            if not isinstance(parcel.items, Readings):
                samples.append(DeviceSamples(device, parcel.items))
                continue
            items = parcel.items
            table = np.array([quantities.setdefault(name, len(quantities)) for name in items.names], np.uint16)
            device_index.append(np.full(len(items), row, np.int32))
            quantity_index.append(table[items.name_index])
            times.append(items.at_ms)
            values.append(items.value)
    if not times:
        return Batch.of_samples(samples)
    return Batch(
        devices, tuple(quantities), np.concatenate(device_index), np.concatenate(quantity_index),
        np.concatenate(times), np.concatenate(values), samples,
    )  # fmt: skip
