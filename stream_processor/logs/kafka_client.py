"""aiokafka as we use it: how clients are made and ended, what its failures mean, and records on its wire."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import InvalidProducerEpoch, KafkaError, MessageSizeTooLargeError, ProducerFenced, TopicAlreadyExistsError, for_code
from aiokafka.structs import ConsumerRecord

from city_model.faults import Fenced, Rejected, Unavailable
from city_model.topics import LogTopic
from stream_processor.logs.port import Record, Stored

log = logging.getLogger(__name__)
logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # what it retries is no news, and what fails is raised as Unavailable

_AT_MS = "saola-at-ms"  # header with Record.at_ms, decimal; a foreign record without it is dated by its append time
_MOST_MESSAGE_BYTES = 2 * 1024 * 1024  # of topic and producer: MAX_RECORD_BYTES and what surrounds it
_MOST_FETCH_BYTES = 4 * 1024 * 1024  # per reader: bounds memory
_REQUEST_TIMEOUT_MS = 10_000
_STOP_WITHIN_S = 3.0
_DAY_MS, _HOUR_MS = 86_400_000, 3_600_000


def new_admin(servers: str) -> AIOKafkaAdminClient:
    return AIOKafkaAdminClient(bootstrap_servers=servers, request_timeout_ms=_REQUEST_TIMEOUT_MS)


def new_consumer(servers: str, group: str | None, **more: Any) -> AIOKafkaConsumer:  # noqa: ANN401  # settings of aiokafka, which has no types
    """A consumer of committed records that commits nothing by itself, and never jumps when its offset is gone."""
    return AIOKafkaConsumer(
        bootstrap_servers=servers,
        group_id=group,
        enable_auto_commit=False,
        max_partition_fetch_bytes=_MOST_FETCH_BYTES,
        fetch_max_bytes=_MOST_FETCH_BYTES,
        request_timeout_ms=_REQUEST_TIMEOUT_MS,
        **{"auto_offset_reset": "none", "isolation_level": "read_committed", **more},
    )


def new_producer(servers: str, **more: Any) -> AIOKafkaProducer:  # noqa: ANN401  # settings of aiokafka, which has no types
    """An idempotent producer: acks from all replicas, and a retry cannot write twice."""
    return AIOKafkaProducer(
        bootstrap_servers=servers,
        acks="all",
        enable_idempotence=True,
        compression_type="zstd",
        max_batch_size=256 * 1024,
        max_request_size=_MOST_MESSAGE_BYTES,
        request_timeout_ms=_REQUEST_TIMEOUT_MS,
        **more,
    )


def new_topic(topic: LogTopic, partitions: int, replicas: int) -> NewTopic:
    """Stamped with the time of appending: by event time, retention would delete what an outbox brings late or a scenario replays,
    and a device whose clock is ahead would have its whole batch refused."""
    configs = {"message.timestamp.type": "LogAppendTime", "max.message.bytes": str(_MOST_MESSAGE_BYTES)}
    if topic.compacted:
        configs |= {"cleanup.policy": "compact", "segment.ms": str(_DAY_MS)}  # only closed segments are compacted
    elif topic.retention_ms is None:
        configs |= {"retention.ms": "-1"}
    else:
        configs |= {"retention.ms": str(topic.retention_ms), "segment.ms": str(min(_DAY_MS, max(_HOUR_MS, topic.retention_ms // 10)))}
    if topic.flush_each:
        configs["flush.messages"] = "1"
    return NewTopic(topic.name, partitions, replicas, topic_configs=configs)


def raise_creation_errors(response: Any) -> None:  # noqa: ANN401  # a response of aiokafka, which has no types
    """What create_topics answers per topic; that another process was faster is no error."""
    for name, code, *_ in response.topic_errors:
        error = for_code(code)
        if code and error is not TopicAlreadyExistsError:
            raise error(name)


async def send(producer: AIOKafkaProducer, topic: str, partition: int, record: Record) -> asyncio.Future[object]:
    """Hand a record to the producer; the future is done when the broker has it."""
    headers = [(_AT_MS, str(record.at_ms).encode()), *record.headers]
    sent: asyncio.Future[object] = await producer.send(topic, record.value, key=record.key, partition=partition, headers=headers)
    return sent


def to_stored(found: ConsumerRecord) -> Stored:
    headers = tuple((name, value or b"") for name, value in found.headers if name != _AT_MS)
    at_ms = next((int(value) for name, value in found.headers if name == _AT_MS), found.timestamp)
    return Stored(found.topic, found.partition, found.offset, Record(found.key or b"", found.value, headers, at_ms))


async def stop_all(*stops: Awaitable[object]) -> None:
    """End clients, each within a few seconds whatever state its broker is in."""
    for stopped in await asyncio.gather(*[asyncio.wait_for(stop, _STOP_WITHIN_S) for stop in stops], return_exceptions=True):
        if isinstance(stopped, KafkaError | TimeoutError):
            log.info("a Kafka client did not end in order", extra={"reason": repr(stopped)})
        elif isinstance(stopped, BaseException):
            raise stopped


async def abandon(producer: AIOKafkaProducer) -> None:
    """End a producer without sending what it holds: that would arrive after its caller's next attempt.

    `stop` alone would first deliver it, or wait for ever. aiokafka has no public way to drop it, hence the private names.
    """
    await stop_all(producer._sender.close(), producer.client.close())
    held = producer._message_accumulator
    batches = [*chain.from_iterable(held._batches.values()), *held._pending_batches]
    held.fail_all(KafkaError("abandoned"))
    for batch in batches:
        _nobody_asks(batch._drain_waiter, *[future for future, _ in batch._msg_futures])
    _nobody_asks(producer._txn_manager.wait_for_transaction_end())
    await stop_all(producer.stop())


def _nobody_asks(*futures: asyncio.Future[object] | None) -> None:
    """Mark failures as seen: asyncio would report each that nobody retrieves as an error of the program."""
    for future in futures:
        if future and future.done() and not future.cancelled():
            future.exception()


@contextmanager
def failures_of(servers: str, doing: str) -> Iterator[None]:
    """aiokafka's exceptions as ours."""
    try:
        yield
    except (ProducerFenced, InvalidProducerEpoch) as err:
        raise Fenced(f"kafka: {servers}: {doing}: taken over by a later owner") from err
    except MessageSizeTooLargeError as err:
        raise Rejected("too_big", f"kafka: {servers}: {doing}: {err}") from err
    except KafkaError as err:
        raise Unavailable(f"kafka: {servers}: {doing}: {str(err) or type(err).__name__}") from err
    except TimeoutError as err:
        raise Unavailable(f"kafka: {servers}: {doing}: no answer in time; is the broker up?") from err


def sizes(described: Sequence[dict[str, Any]]) -> dict[str, int]:
    """Topic → number of partitions, of the topics that are wholly there: every partition has a leader."""
    whole = [topic for topic in described if not topic["error_code"] and not any(part["error_code"] for part in topic["partitions"])]
    return {topic["topic"]: len(topic["partitions"]) for topic in whole}
