"""The log's topics as Kafka is told: names, partitions, replicas, retention and compaction."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import msgspec

from broker_config.settings import Kafka
from city_model.topics import LOG_TOPICS, LogTopic


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
    config = {"cleanup.policy": "compact" if topic.compacted else "delete"}
    if not topic.compacted:
        config["retention.ms"] = str(-1 if topic.retention_ms is None else topic.retention_ms)
    if topic.flush_each and replicas == 1:
        config["flush.messages"] = "1"  # with one replica acks=all is only page cache
    if replicas > 2:
        config["min.insync.replicas"] = "2"
    return config


def render_topics(kafka: Kafka) -> str:
    """The declaration as JSON, for people and for other tools."""
    return msgspec.json.format(msgspec.json.encode([asdict(topic) for topic in declared(kafka)]), indent=2).decode() + "\n"
