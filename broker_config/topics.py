"""The log's topics as Kafka is told: names, partitions, replicas, retention and compaction."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import msgspec

from broker_config.settings import Kafka
from city_model.topics import LOG_TOPICS, LogTopic

_MOST_MESSAGE_BYTES = 2 * 1024 * 1024  # the largest record (1 MiB) and what surrounds it
_DAY_MS, _HOUR_MS = 86_400_000, 3_600_000


@dataclass(frozen=True, slots=True)
class Topic:
    """A Kafka topic. `config` holds only what we decide; the rest is the cluster's."""

    name: str
    partitions: int
    replicas: int
    config: dict[str, str]


def declared(kafka: Kafka) -> list[Topic]:
    """All topics of the log as `kafka` wants them."""
    return [Topic(topic.name, kafka.partitions, kafka.replicas, _config(topic, kafka.replicas)) for topic in LOG_TOPICS]


def _config(topic: LogTopic, replicas: int) -> dict[str, str]:
    """As the Kafka log itself would make the topic (a test compares), and what more than one replica changes.

    Stamped with the time of appending: by event time, retention would delete what an outbox brings late.
    """
    config = {"message.timestamp.type": "LogAppendTime", "max.message.bytes": str(_MOST_MESSAGE_BYTES)}
    if topic.compacted:
        config |= {"cleanup.policy": "compact", "segment.ms": str(_DAY_MS)}  # only closed segments are compacted
    elif topic.retention_ms is None:
        config |= {"cleanup.policy": "delete", "retention.ms": "-1"}
    else:
        segment_ms = min(_DAY_MS, max(_HOUR_MS, topic.retention_ms // 10))
        config |= {"cleanup.policy": "delete", "retention.ms": str(topic.retention_ms), "segment.ms": str(segment_ms)}
    if topic.flush_each and replicas == 1:
        config["flush.messages"] = "1"  # acks=all is only page cache then
    if replicas > 2:
        config["min.insync.replicas"] = "2"
    return config


def render_topics(kafka: Kafka) -> str:
    """The declaration as JSON, for people and for other tools."""
    return msgspec.json.format(msgspec.json.encode([asdict(topic) for topic in declared(kafka)]), indent=2).decode() + "\n"
