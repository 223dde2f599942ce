"""Names on the wire and in the log, and the one partitioner.

MQTT: `city/v1/<site>/<device>/<stream>`. No province, city or ward stands in a topic or an id: administration changes, sites stay.
Log: `inputs` carries all that the core decides on, keyed by area; every output of the engine goes to the partition number of
its input, so these topics have equal partition counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from city_model.faults import Rejected

Stream = Literal["telemetry", "frame", "event", "status", "cmd", "ack"]
STREAMS: frozenset[str] = frozenset(get_args(Stream))

DEFAULT_PARTITIONS = 12
MAX_PAYLOAD_BYTES = 256 * 1024
"""Ours. The broker's limit is above it, so that what is too big reaches the dead letters."""

INPUTS = "inputs"
FRAMES = "frames"
OBSERVATIONS = "observations"
ALARM_EVENTS = "alarm-events"
ALARMS = "alarms"
CHECKPOINTS = "checkpoints"
RULES = "rules"
DEAD_LETTER = "dead-letter"

_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class LogTopic:
    """A topic of the log: kept for `retention_ms` (None: for ever), or compacted to the newest record of each key.

    `flush_each` asks for an fsync per append where one replica holds the data: acks=all is only page cache then.
    """

    name: str
    retention_ms: int | None
    compacted: bool = False
    flush_each: bool = False


LOG_TOPICS: tuple[LogTopic, ...] = (
    LogTopic(INPUTS, 30 * _DAY_MS, flush_each=True),
    LogTopic(FRAMES, 1 * _DAY_MS, flush_each=True),
    LogTopic(OBSERVATIONS, 30 * _DAY_MS),
    LogTopic(ALARM_EVENTS, None),
    LogTopic(ALARMS, None, compacted=True),
    LogTopic(CHECKPOINTS, None, compacted=True),
    LogTopic(RULES, None, compacted=True),
    LogTopic(DEAD_LETTER, 90 * _DAY_MS),
)


def mqtt_topic(site: str, device: str, stream: Stream) -> str:
    """The MQTT topic of a device's stream."""
    return f"city/v1/{site}/{device}/{stream}"


def parse_mqtt_topic(topic: str) -> tuple[str, str, Stream]:
    """(site, device, stream). Raises Rejected when it is not one of ours."""
    parts = topic.split("/")
    if len(parts) == 5 and parts[0] == "city" and parts[1] == "v1" and parts[4] in STREAMS:
        return parts[2], parts[3], parts[4]  # type: ignore[return-value]  # membership was just checked
    raise Rejected("bad_topic", f"{topic[:200]!r} is not city/v1/<site>/<device>/<stream>")


def partition_of(key: str, partitions: int) -> int:
    """Partition of `key`, as Kafka's own default partitioner has it (murmur2), so that foreign producers agree."""
    return (_murmur2(key.encode()) & 0x7FFFFFFF) % partitions


def _murmur2(data: bytes) -> int:
    """MurmurHash2, 32 bit, seed 0x9747b28c, as in org.apache.kafka.common.utils.Utils."""
    m, mask = 0x5BD1E995, 0xFFFFFFFF
    h = 0x9747B28C ^ len(data)
    whole = len(data) & ~3
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i : i + 4], "little") * m & mask
        k = (k ^ k >> 24) * m & mask
        h = h * m & mask ^ k
    if rest := data[whole:]:
        h = (h ^ int.from_bytes(rest, "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return h ^ h >> 15
