"""Topics in a running Kafka: made as declared, and compared with the declaration."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError

from broker_config.settings import Kafka
from broker_config.topics import Topic, declared
from city_model.faults import Unavailable

_TIMEOUT_MS = 15_000
_ALREADY_EXISTS = 36  # somebody else was faster


async def create(kafka: Kafka) -> list[str]:
    """Create the topics that are missing and set the configuration of the others; returns what was created. Raises Unavailable."""
    async with _admin(kafka.bootstrap) as admin:
        present = set(await admin.list_topics())
        missing = [topic for topic in declared(kafka) if topic.name not in present]
        if missing:
            answer = await admin.create_topics([NewTopic(t.name, t.partitions, t.replicas, topic_configs=t.config) for t in missing])
            _raise_for(answer.topic_errors)
        known = [ConfigResource(ConfigResourceType.TOPIC, t.name, t.config) for t in declared(kafka) if t.name in present]
        if known:
            await admin.alter_configs(known)
    return [topic.name for topic in missing]


async def differences(kafka: Kafka) -> list[str]:
    """What differs between the cluster and the declaration, a sentence each. Raises Unavailable."""
    wanted = declared(kafka)
    async with _admin(kafka.bootstrap) as admin:
        names = sorted(set(await admin.list_topics()) & {topic.name for topic in wanted})
        if not names:
            return _compare(wanted, {}, {})
        partitions = {topic["topic"]: len(topic["partitions"]) for topic in await admin.describe_topics(names)}
        answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in names])
    config = {row[3]: {entry[0]: entry[1] for entry in row[4]} for answer in answers for row in answer.resources}
    return _compare(wanted, partitions, config)


def _compare(wanted: Sequence[Topic], partitions: Mapping[str, int], config: Mapping[str, Mapping[str, str]]) -> list[str]:
    found = []
    for topic in wanted:
        if topic.name not in partitions:
            found.append(f"topic {topic.name} does not exist")
            continue
        if partitions[topic.name] != topic.partitions:
            found.append(f"topic {topic.name} has {partitions[topic.name]} partitions; expected {topic.partitions}")
        for key, value in topic.config.items():
            is_now = config.get(topic.name, {}).get(key)
            if is_now != value:
                found.append(f"topic {topic.name}: {key} is {is_now}; expected {value}")
    return found


@asynccontextmanager
async def _admin(bootstrap: str) -> AsyncIterator[Any]:
    """aiokafka's admin client for one errand; its failures become Unavailable."""
    client = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=_TIMEOUT_MS)
    try:
        await client.start()
        yield client
    except KafkaError as err:
        raise Unavailable(f"kafka: {bootstrap}: {err}") from err
    finally:
        await client.close()


def _raise_for(errors: Sequence[tuple[Any, ...]]) -> None:
    for name, code, *said in errors:
        if code not in (0, _ALREADY_EXISTS):
            raise Unavailable(f"kafka: topic {name} could not be created: error {code} {said[0] if said else ''}".rstrip())
