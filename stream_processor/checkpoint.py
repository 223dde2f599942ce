"""Snapshots of the core in the compacted topic `checkpoints`: chunks below 1 MiB and a manifest, in one transaction with the offsets.

Keys are `p<partition>/<k>` for chunk k and `p<partition>/manifest`; a newer snapshot overwrites the older one chunk by chunk, and the
hash in the manifest tells whether what is read belongs together.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import msgspec

from city_model.events import Alarm
from city_model.registry import City
from city_model.topics import ALARMS, CHECKPOINTS
from stream_processor.core.settings import CoreSettings
from stream_processor.core.step import CORE_VERSION
from stream_processor.logs.compacted import newest_of_keys
from stream_processor.logs.port import EventLog, Output, Record

_CHUNK_BYTES = 900_000
_encode = msgspec.msgpack.Encoder().encode


@dataclass(frozen=True, slots=True)
class Saved:
    """A snapshot: the offset to go on from and the state, which is None when it is of another version or configuration, or unreadable."""

    offset: int
    state: dict[str, Any] | None


class _Manifest(msgspec.Struct):
    core_version: int
    config_hash: str
    offset: int
    chunks: int
    sha256: str


def config_hash(city: City, settings: CoreSettings) -> str:
    """What a snapshot's state depends on besides the inputs: registry and settings."""
    text = repr((city.area, city.site, city.device, settings))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def to_outputs(state: dict[str, Any], partition: int, next_offset: int, config: str) -> list[Output]:
    """The records of a snapshot whose state has taken in everything before `next_offset`."""
    data = _encode(state)
    digest = hashlib.sha256(data).hexdigest()
    chunks = [data[i : i + _CHUNK_BYTES] for i in range(0, len(data), _CHUNK_BYTES)]
    manifest = _encode(_Manifest(CORE_VERSION, config, next_offset, len(chunks), digest))
    rows = [(f"p{partition}/{k}", chunk) for k, chunk in enumerate(chunks)] + [(f"p{partition}/manifest", manifest)]
    return [Output(CHECKPOINTS, Record(key.encode(), value, (("sha256", digest.encode()),))) for key, value in rows]


async def newest(log: EventLog, partition: int, config: str) -> Saved | None:
    """The newest snapshot; None when there never was one."""
    found = await newest_of_keys(log, CHECKPOINTS, partition)
    manifest = found.get(f"p{partition}/manifest".encode())
    return Saved(*_assemble(manifest.value or b"", found, partition, config)) if manifest else None


async def told(log: EventLog, partition: int) -> list[Alarm]:
    """Every alarm of a partition as it was last told."""
    found = await newest_of_keys(log, ALARMS, partition)
    return [msgspec.json.decode(record.value or b"", type=Alarm) for record in found.values()]


def _assemble(manifest: bytes, found: dict[bytes, Record], partition: int, config: str) -> tuple[int, dict[str, Any] | None]:
    try:
        head = msgspec.msgpack.decode(manifest, type=_Manifest)
        data = b"".join(found[f"p{partition}/{k}".encode()].value or b"" for k in range(head.chunks))
        if hashlib.sha256(data).hexdigest() != head.sha256 or (head.core_version, head.config_hash) != (CORE_VERSION, config):
            return 0, None
        return head.offset, msgspec.msgpack.decode(data, type=dict[str, Any])
    except (msgspec.DecodeError, KeyError):
        return 0, None
