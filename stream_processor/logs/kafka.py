"""The log on Apache Kafka.

- *append*: one idempotent producer with acks=all; topics made with `flush_each` are flushed to disk per write (with one replica,
  acks=all is only page cache).
- *Owner*: a producer whose transactional id is `<group>-<topic>-<partition>`. aiokafka commits offsets in a transaction without the
  group's generation, so a worker that lost its partition while it was stalled would still commit under an id of its own; with the id tied
  to the partition, the new owner's start fences it (both tried on Kafka 4.3).
- *Member*: a consumer of the group that never fetches. `assigned` polls it, so a worker whose loop stands still leaves the group.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import ConsumerStoppedError, KafkaError, OffsetOutOfRangeError

from city_model.faults import Rejected, Unavailable
from city_model.topics import LogTopic
from stream_processor.logs import kafka_client as client
from stream_processor.logs.port import Output, Record, Stored
from stream_processor.logs.sizes import reject_too_big


@dataclass(frozen=True, slots=True)
class Settings:
    """How long the Kafka log waits for what."""

    answer_within_s: float = 20.0  # then Unavailable; a broker's restart takes 3 to 5 s
    dead_after_s: float = 6.0  # a member that is silent, or does not call `assigned`, for so long has lost its partitions
    transaction_s: float = 10.0  # an abandoned transaction hides what is behind it for so long at most
    replicas: int = 1


DEFAULT = Settings()


class KafkaLog:
    """An EventLog on Kafka. Made by `KafkaLog.open`."""

    def __init__(self, servers: str, settings: Settings, admin: AIOKafkaAdminClient, lookup: AIOKafkaConsumer) -> None:
        self.servers = servers
        self.settings = settings
        self._admin = admin
        self._lookup = lookup
        self._group_lookups: dict[str, AIOKafkaConsumer] = {}
        self._partitions: dict[str, int] = {}
        self._producer: AIOKafkaProducer | None = None
        self._appending = asyncio.Lock()
        self._starting = asyncio.Lock()

    @classmethod
    async def open(cls, servers: str, settings: Settings = DEFAULT) -> KafkaLog:
        """Connect to `host:port[,host:port]`. Raises Unavailable."""
        admin, lookup = client.new_admin(servers), client.new_consumer(servers, None, isolation_level="read_uncommitted")
        try:
            async with asyncio.timeout(settings.answer_within_s):
                await admin.start()
                await lookup.start()
        except (KafkaError, TimeoutError) as err:
            await client.stop_all(admin.close(), lookup.stop())
            hint = "start one (`saola doctor` says how), or use the embedded log, sqlite:DIRECTORY"
            raise Unavailable(f"kafka: no broker answers at {servers}: {hint}") from err
        return cls(servers, settings, admin, lookup)

    async def ensure_topics(self, topics: Sequence[LogTopic], partitions: int) -> None:
        async with self.within("create topics"):
            there = client.sizes(await self._admin.describe_topics())
            missing = [client.new_topic(topic, partitions, self.settings.replicas) for topic in topics if topic.name not in there]
            if missing:
                client.raise_creation_errors(await self._admin.create_topics(missing))
        for topic in topics:
            if (found := await self.partitions(topic.name)) != partitions:
                text = f"topic {topic.name} has {found} partitions, not {partitions}; the number is fixed when it is made"
                raise Rejected("partition_count", text)

    async def partitions(self, topic: str) -> int:
        if topic not in self._partitions:
            async with self.within(f"describe topic {topic}"):
                await self._learn(topic)
        return self._partitions[topic]

    async def append(self, topic: str, rows: Sequence[tuple[int, Record]]) -> None:
        if not rows:
            return
        with client.failures_of(self.servers, f"append to {topic}"):
            try:
                async with asyncio.timeout(self.settings.answer_within_s):
                    async with self._appending:  # so that concurrent calls are written in the order in which they were made
                        sent = await self._hand_over(topic, rows)
                    await asyncio.gather(*sent)
            except (KafkaError, TimeoutError):
                await self._drop_producer()
                raise

    async def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        """The end is that of all records, in transactions still open too: one whose commit was just acknowledged may look open for a
        moment, and whoever reads up to the end must not miss it."""
        await self.check(topic, partition)
        place = TopicPartition(topic, partition)
        async with self.within(f"look up offsets of {topic}/{partition}"):
            first = await self._lookup.beginning_offsets([place])
            head = await self._lookup.end_offsets([place])
        return first[place], head[place]

    async def reader(self, topic: str, partition: int, offset: int) -> KafkaReader:
        first, _ = await self.bounds(topic, partition)
        consumer = client.new_consumer(self.servers, None)
        await self.start(consumer, f"read {topic}/{partition}")
        place = TopicPartition(topic, partition)
        consumer.assign([place])
        consumer.seek(place, max(first, offset))
        return KafkaReader(self, consumer, place, max(first, offset))

    async def join(self, group: str, topic: str, member: str) -> KafkaMember:
        await self.partitions(topic)
        joined = KafkaMember(self, group, topic, member)
        await joined.assigned()
        return joined

    async def own(self, group: str, topic: str, partition: int) -> KafkaOwner:
        await self.check(topic, partition)
        timeout_ms = int(self.settings.transaction_s * 1000)
        transactional_id = f"{group}-{topic}-{partition}"
        producer = client.new_producer(self.servers, transactional_id=transactional_id, transaction_timeout_ms=timeout_ms)
        async with self.within(f"take over {topic}/{partition}"):
            try:
                await producer.start()  # gets the id's next epoch: from here on every earlier owner is fenced, its open transaction aborted
            except (KafkaError, asyncio.CancelledError):
                await client.abandon(producer)
                raise
        return KafkaOwner(self, producer, group, TopicPartition(topic, partition))

    async def close(self) -> None:
        if self._producer:
            await client.stop_all(self._producer.stop())
        lookups = [consumer.stop() for consumer in self._group_lookups.values()]
        await client.stop_all(self._admin.close(), self._lookup.stop(), *lookups)

    # ── what readers, members and owners ask for ──

    @asynccontextmanager
    async def within(self, doing: str) -> AsyncIterator[None]:
        """The time limit for an answer, and failures as ours."""
        with client.failures_of(self.servers, doing):
            async with asyncio.timeout(self.settings.answer_within_s):
                yield

    async def start(self, consumer: AIOKafkaConsumer, doing: str) -> None:
        async with self.within(doing):
            try:
                await consumer.start()
            except (KafkaError, asyncio.CancelledError):
                await client.stop_all(consumer.stop())
                raise

    async def check(self, topic: str, partition: int) -> None:
        """Raises Rejected when there is no such topic or partition."""
        if not 0 <= partition < (count := await self.partitions(topic)):
            raise Rejected("bad_partition", f"topic {topic} has partitions 0..{count - 1}, not {partition}")

    async def committed(self, group: str, place: TopicPartition) -> int | None:
        async with self._starting:
            if group not in self._group_lookups:
                consumer = client.new_consumer(self.servers, group)
                await self.start(consumer, f"look up offsets of group {group}")
                self._group_lookups[group] = consumer
        async with self.within(f"look up offsets of group {group}"):
            found: int | None = await self._group_lookups[group].committed(place)
            return found

    async def _learn(self, topic: str) -> None:
        """A topic just made takes a moment to be known everywhere; one that is not there after a second does not exist."""
        for _ in range(20):
            self._partitions |= client.sizes(await self._admin.describe_topics())
            if topic in self._partitions:
                return
            await asyncio.sleep(0.05)
        raise Rejected("unknown_topic", f"the log has no topic {topic!r}; ensure_topics makes it")

    async def _hand_over(self, topic: str, rows: Sequence[tuple[int, Record]]) -> list[asyncio.Future[object]]:
        for partition, record in rows:
            await self.check(topic, partition)
            reject_too_big(topic, record)
        if self._producer is None:
            producer = client.new_producer(self.servers)
            try:
                await producer.start()
            except (KafkaError, asyncio.CancelledError):
                await client.abandon(producer)
                raise
            self._producer = producer
        return [await client.send(self._producer, topic, partition, record) for partition, record in rows]

    async def _drop_producer(self) -> None:
        """Concurrent appends fail with this one: what the producer still holds must not arrive after its callers' next attempts."""
        producer, self._producer = self._producer, None
        if producer:
            await client.abandon(producer)


class KafkaReader:
    """One consumer with one partition: a partition that is not being read never holds up another."""

    def __init__(self, kafka: KafkaLog, consumer: AIOKafkaConsumer, place: TopicPartition, offset: int) -> None:
        self._kafka = kafka
        self._consumer = consumer
        self._place = place
        self._offset = offset

    @property
    def position(self) -> int:
        return self._offset

    async def fetch(self, most: int, wait_s: float) -> list[Stored]:
        with client.failures_of(self._kafka.servers, f"read {self._place.topic}/{self._place.partition}"):
            try:
                found = await self._consumer.getmany(self._place, timeout_ms=max(0, int(wait_s * 1000)), max_records=most)
            except ConsumerStoppedError:
                return []
            except OffsetOutOfRangeError:
                await self._go_to_what_is_there()
                return []
        self._offset = await self._consumer.position(self._place)
        return [client.to_stored(record) for record in found.get(self._place, ())]

    async def close(self) -> None:
        await client.stop_all(self._consumer.stop())

    async def _go_to_what_is_there(self) -> None:
        """Retention has passed us: on to the first record left. A log that ends before us has lost data, which nobody may skip silently."""
        first, head = await self._kafka.bounds(self._place.topic, self._place.partition)
        if self._offset > head:
            text = f"{self._place.topic}/{self._place.partition} ends at {head}, before our offset {self._offset}: the broker has lost data"
            raise Unavailable(f"kafka: {self._kafka.servers}: {text}")
        self._offset = max(first, self._offset)
        self._consumer.seek(self._place, self._offset)


class KafkaMember:
    """A member whose liveness is that of whoever calls `assigned`."""

    def __init__(self, kafka: KafkaLog, group: str, topic: str, member: str) -> None:
        self._kafka = kafka
        self._group = group
        self._topic = topic
        self._member = member
        self._consumer: AIOKafkaConsumer | None = None
        self._polling: asyncio.Task[object] | None = None
        self._called_s = 0.0
        self._left = False

    async def assigned(self) -> frozenset[int]:
        if self._left:
            return frozenset()
        now_s = asyncio.get_running_loop().time()
        if self._consumer and now_s - self._called_s >= self._kafka.settings.dead_after_s:
            await self._stop()  # the group has given us up, but this consumer would go on showing what it had
        if self._consumer is None:
            self._consumer = await self._join()
        self._called_s = asyncio.get_running_loop().time()
        await self._poll(self._consumer)
        return frozenset(place.partition for place in self._consumer.assignment())

    async def leave(self) -> None:
        self._left = True
        await self._stop()

    async def _join(self) -> AIOKafkaConsumer:
        dead_after_ms = int(self._kafka.settings.dead_after_s * 1000)
        consumer = client.new_consumer(
            self._kafka.servers,
            self._group,
            client_id=self._member,
            session_timeout_ms=dead_after_ms,
            max_poll_interval_ms=dead_after_ms,
            heartbeat_interval_ms=dead_after_ms // 12,  # also how soon the others hear of a new member
            partition_assignment_strategy=(RoundRobinPartitionAssignor,),
            auto_offset_reset="latest",  # no position is wanted, but "none" would count an unread partition as an error
        )
        consumer.subscribe([self._topic], listener=_Pause(consumer))
        await self._kafka.start(consumer, f"join group {self._group}")
        return consumer

    async def _poll(self, consumer: AIOKafkaConsumer) -> None:
        """Prove that we live. While the group rebalances a poll waits for that, and must not be cancelled (aiokafka would then count it
        as under way for ever, and a dead member as alive): so it goes on by itself and the next call finds it."""
        if self._polling is None:
            self._polling = asyncio.create_task(consumer.getmany(timeout_ms=0))
        done, _ = await asyncio.wait([self._polling], timeout=0.05)
        if done:
            polled, self._polling = self._polling, None
            with client.failures_of(self._kafka.servers, f"stay in group {self._group}"):
                polled.result()

    async def _stop(self) -> None:
        consumer, self._consumer = self._consumer, None
        if self._polling:
            self._polling.cancel()
            await asyncio.wait([self._polling])
            self._polling = None
        if consumer:
            await client.stop_all(consumer.stop())


class _Pause(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka ships no types
    """Keeps a member's consumer from fetching what its partitions' readers fetch."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Nothing is held."""

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        self._consumer.pause(*assigned)


class KafkaOwner:
    """The producer that holds the newest epoch of the partition's transactional id."""

    def __init__(self, kafka: KafkaLog, producer: AIOKafkaProducer, group: str, place: TopicPartition) -> None:
        self._kafka = kafka
        self._producer = producer
        self._group = group
        self._place = place
        self._committed: int | None = None
        self._ended = False

    async def committed(self) -> int | None:
        """Right after the take-over the broker knows it (our start has waited for the earlier owner's transaction to end); after a commit
        of ours it may learn it a little later than we do."""
        if self._committed is None:
            self._committed = await self._kafka.committed(self._group, self._place)
        return self._committed

    async def commit(self, outputs: Sequence[Output], next_offset: int | None) -> None:
        for output in outputs:
            await self._kafka.check(output.topic, self._place.partition)
            reject_too_big(output.topic, output.record)
        if self._ended:
            raise Unavailable(f"kafka: {self._place.topic}/{self._place.partition}: this owner has ended; take over again")
        async with self._kafka.within(f"commit as owner of {self._place.topic}/{self._place.partition}"):
            try:
                await self._producer.begin_transaction()
                await self._write(outputs, next_offset)
                await self._producer.commit_transaction()
                self._committed = self._committed if next_offset is None else next_offset
            except (KafkaError, asyncio.CancelledError):
                self._ended = True
                await client.abandon(self._producer)  # the next owner's start aborts what is open
                raise

    async def close(self) -> None:
        await client.stop_all(self._producer.stop())

    async def _write(self, outputs: Sequence[Output], next_offset: int | None) -> None:
        sent = [await client.send(self._producer, output.topic, self._place.partition, output.record) for output in outputs]
        offset = () if next_offset is None else (self._producer.send_offsets_to_transaction({self._place: next_offset}, self._group),)
        await asyncio.gather(*sent, *offset)
