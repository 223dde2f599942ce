"""Snapshots of the frames service in `checkpoints`: what each camera's vision and numbering were before an offset.

Keys begin with `vision/`, so the engine's snapshots of the same partition are other keys. Chunks stay below 1 MiB; the manifest's hash
says whether what is read belongs together.
"""

from __future__ import annotations

import hashlib
import zlib

import msgspec

from city_model.topics import CHECKPOINTS
from stream_processor.logs.compacted import newest_of_keys
from stream_processor.logs.port import EventLog, Output, Record

STATE_VERSION = 1
_CHUNK_BYTES = 900_000
_encode = msgspec.msgpack.Encoder().encode


class CameraState(msgspec.Struct):
    """One camera. `boot` of its frames; `first_seq` the frame its numbering began with; `next_seq` counts samples; `vision` is packed."""

    boot: str
    first_seq: int
    last_seq: int
    last_ms: int
    next_seq: int = 0
    vision: bytes = b""

    @property
    def sample_boot(self) -> str:
        """Boot of the samples: another numbering, should the state be lost, is another boot."""
        return f"{self.boot}-v{self.first_seq}" if self.boot else ""


class _Manifest(msgspec.Struct):
    version: int
    config: str
    offset: int
    chunks: int
    sha256: str


def to_outputs(cameras: dict[str, CameraState], partition: int, next_offset: int, config: str) -> list[Output]:
    """The records of a snapshot that has taken in everything before `next_offset`."""
    data = zlib.compress(_encode(cameras), 1)
    chunks = [data[i : i + _CHUNK_BYTES] for i in range(0, len(data), _CHUNK_BYTES)]
    manifest = _Manifest(STATE_VERSION, config, next_offset, len(chunks), hashlib.sha256(data).hexdigest())
    rows = [(_key(partition, k), chunk) for k, chunk in enumerate(chunks)] + [(_key(partition, "manifest"), _encode(manifest))]
    return [Output(CHECKPOINTS, Record(key, value)) for key, value in rows]


async def newest(log: EventLog, partition: int, config: str) -> tuple[int, dict[str, CameraState]] | None:
    """(offset to go on from, cameras), or None: there is none, or none that fits this version and configuration."""
    found = {key: record.value or b"" for key, record in (await newest_of_keys(log, CHECKPOINTS, partition)).items()}
    return _assemble(found, partition, config)


def _assemble(found: dict[bytes, bytes], partition: int, config: str) -> tuple[int, dict[str, CameraState]] | None:
    try:
        told = msgspec.msgpack.decode(found[_key(partition, "manifest")], type=_Manifest)
        data = b"".join(found[_key(partition, k)] for k in range(told.chunks))
        if hashlib.sha256(data).hexdigest() != told.sha256 or (told.version, told.config) != (STATE_VERSION, config):
            return None
        return told.offset, msgspec.msgpack.decode(zlib.decompress(data), type=dict[str, CameraState])
    except (KeyError, msgspec.DecodeError, zlib.error):
        return None


def _key(partition: int, part: int | str) -> bytes:
    return f"vision/p{partition}/{part}".encode()
