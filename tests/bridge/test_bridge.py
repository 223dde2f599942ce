"""The bridge's promises: acked only when the log has it, one answer per device, nothing lost when log, broker or bridge go away."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import msgspec
import pytest

from broker_config.acl import Access
from broker_config.mosquitto import MosquittoServer
from city_model.clock import ManualClock
from city_model.events import Ack, AckRange, DeadLetter, Event, EventType
from city_model.faults import Unavailable
from city_model.topics import DEAD_LETTER, FRAMES, INPUTS, LOG_TOPICS, partition_of
from city_model.transport.local import LocalBroker
from city_model.transport.open import make_transport
from city_model.transport.port import Message, Transport
from simulators.ledger import read_all
from stream_processor.bridge import BridgeCounts, merged, run_bridge
from stream_processor.logs.embedded import EmbeddedLog
from stream_processor.logs.port import EventLog, Record
from stream_processor.logs.records import from_record
from tests.bridge.senders import BOOT, NOW_MS, batch, frame, picture
from tests.mosquitto_fixture import broker_city

PARTITIONS = 3
ACKS = "city/v1/+/+/ack"


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[EmbeddedLog]:
    opened = await EmbeddedLog.open(tmp_path / "log")
    await opened.ensure_topics(LOG_TOPICS, PARTITIONS)
    yield opened
    await opened.close()


@pytest.fixture
def broker() -> LocalBroker:
    return LocalBroker(Access(broker_city))


class Away(EmbeddedLog):
    """The embedded log behind a door that can be shut."""

    shut = False

    async def append(self, topic: str, rows: Sequence[tuple[int, Record]]) -> None:
        if self.shut:
            raise Unavailable("the door is shut")
        await super().append(topic, rows)


async def away(directory: Path) -> Away:
    opened = await Away.open(directory / "log")
    assert isinstance(opened, Away)
    await opened.ensure_topics(LOG_TOPICS, PARTITIONS)
    return opened


class Running:
    """A bridge that runs while the block does."""

    def __init__(self, transport: Transport, log: EventLog, *, client_id: str = "bridge", share: str = "") -> None:
        self.counts = BridgeCounts()
        self.stop = asyncio.Event()
        self._ready = asyncio.Event()
        names = {"client_id": client_id, "share": share}
        clock = ManualClock(NOW_MS)
        work = run_bridge(transport, log, lambda: broker_city, clock, self.stop, counts=self.counts, ready=self._ready, **names)
        self._task = asyncio.ensure_future(work)

    async def __aenter__(self) -> Running:
        waiting = asyncio.ensure_future(self._ready.wait())
        await asyncio.wait((waiting, self._task), return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.stop.set()
        await self._task

    async def die(self) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task


class Pole:
    """An agent that remembers what it was told."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self.told: list[tuple[str, AckRange]] = []

    async def connect(self, user: str = "pole-1") -> Pole:
        await self.transport.connect(user)
        await self.transport.subscribe([ACKS])
        return self

    async def send(self, *messages: Message) -> None:
        for one in messages:
            await self.transport.publish(one)

    async def hears_of(self, items: int) -> None:
        """Until verdicts on `items` sequence numbers have come."""
        async with asyncio.timeout(20):
            while sum(r.last - r.first + 1 for _, r in self.told) < items:
                for delivery in await self.transport.receive(100):
                    device = delivery.message.topic.split("/")[3]
                    ack = msgspec.json.decode(delivery.message.payload, type=Ack)
                    self.told += [(device, r) for r in ack.ranges]
                    delivery.ack()


async def stored(log: EventLog, topic: str) -> list[Event]:
    return [from_record(row.record) for row in await read_all(log, topic)]


async def test_what_is_stored_is_acked_to_the_sender_and_stands_in_its_areas_partition(log: EmbeddedLog, broker: LocalBroker) -> None:
    pole = await Pole(broker.client("pole-1")).connect()
    async with Running(broker.client("bridge"), log) as bridge:
        await pole.send(*(batch([1.0] * 10, seq=10 * n) for n in range(5)), frame(picture(), seq=0))
        await pole.hears_of(51)
    assert {(device, r.verdict) for device, r in pole.told} == {("air-1", "stored"), ("cam-1", "stored")}
    rows = await read_all(log, INPUTS)
    assert {row.partition for row in rows} == {partition_of("center", PARTITIONS)}
    events = [from_record(row.record) for row in rows]
    assert [(e.device, e.seq, e.area, e.recorded_ms) for e in events] == [("air-1", 10 * n, "center", NOW_MS) for n in range(5)]
    assert [e.device for e in await stored(log, FRAMES)] == ["cam-1"]
    assert (bridge.counts.received, bridge.counts.stored, bridge.counts.items) == (6, 6, 51)


async def test_bad_input_becomes_dead_letters_and_stops_nothing(log: EmbeddedLog, broker: LocalBroker) -> None:
    pole = await Pole(broker.client("pole-1")).connect()
    async with Running(broker.client("bridge"), log) as bridge:
        await pole.send(
            Message("city/v1/ht-kt/air-1/telemetry", b"\xff\xfe"),
            batch([1.0, float("nan")], seq=0),
            frame(picture()[:-9], seq=0),
            batch([2.0], seq=2),
        )
        await pole.hears_of(4)
    assert bridge.counts.dead_lettered == {"malformed": 1, "nan": 1, "truncated_jpeg": 1}
    letters = [msgspec.json.decode(e.data, type=DeadLetter) for e in await stored(log, DEAD_LETTER)]
    assert sorted(letter.code for letter in letters) == ["malformed", "nan", "truncated_jpeg"]
    kept = [(e.type, e.seq) for e in await stored(log, INPUTS)]
    assert kept == [(EventType.READINGS, 0), (EventType.GAP, -1), (EventType.READINGS, 2)]


async def test_an_unknown_device_is_told_and_kept_aside(log: EmbeddedLog) -> None:
    open_broker = LocalBroker()
    pole = await Pole(open_broker.client()).connect()
    async with Running(open_broker.client(), log):
        await pole.send(batch([1.0], device="stranger"))
        await pole.hears_of(1)
    ((device, told),) = pole.told
    assert (device, told.verdict, told.reason.partition(":")[0]) == ("stranger", "rejected", "unknown_device")
    assert len(await stored(log, DEAD_LETTER)) == 1


async def test_while_the_log_is_away_nothing_is_acked_and_then_all_of_it(tmp_path: Path, broker: LocalBroker) -> None:
    log = await away(tmp_path)
    pole = await Pole(broker.client("pole-1")).connect()
    async with Running(broker.client("bridge"), log) as bridge:
        log.shut = True
        await pole.send(*(batch([1.0], seq=n) for n in range(400)))
        async with asyncio.timeout(20):
            while bridge.counts.log_retries < 2:
                await asyncio.sleep(0.01)
        assert (bridge.counts.stored, bridge.counts.acks) == (0, 0)
        assert bridge.counts.received <= 256
        log.shut = False
        await pole.hears_of(400)
    assert [e.seq for e in await stored(log, INPUTS)] == list(range(400))
    await log.close()


async def test_a_bridge_told_to_stop_while_the_log_is_away_leaves_everything_unacked(tmp_path: Path, broker: LocalBroker) -> None:
    opened = await away(tmp_path)
    opened.shut = True
    pole = await Pole(broker.client("pole-1")).connect()
    async with Running(broker.client("bridge"), opened) as bridge:
        await pole.send(*(batch([1.0], seq=n) for n in range(20)))
        async with asyncio.timeout(20):
            while not bridge.counts.log_retries:
                await asyncio.sleep(0.01)
    opened.shut = False
    async with Running(broker.client("bridge"), opened):
        await pole.hears_of(20)
    assert [e.seq for e in await stored(opened, INPUTS)] == list(range(20))
    await opened.close()


async def test_a_bridge_that_dies_loses_nothing(log: EmbeddedLog, broker: LocalBroker) -> None:
    pole = await Pole(broker.client("pole-1")).connect()
    bridge = await Running(broker.client("bridge"), log).__aenter__()
    await pole.send(*(batch([1.0], seq=n) for n in range(300)))
    await bridge.die()
    await pole.send(*(batch([1.0], seq=n) for n in range(300, 320)))
    async with Running(broker.client("bridge"), log):
        await pole.hears_of(320)
    assert {e.seq for e in await stored(log, INPUTS)} == set(range(320))


async def test_two_bridges_share_the_messages(log: EmbeddedLog, broker: LocalBroker) -> None:
    pole = await Pole(broker.client("pole-1")).connect()
    async with (
        Running(broker.client("bridge"), log, client_id="bridge-1", share="bridge") as one,
        Running(broker.client("bridge"), log, client_id="bridge-2", share="bridge") as two,
    ):
        await pole.send(*(batch([1.0], seq=n) for n in range(40)))
        await pole.hears_of(40)
    assert one.counts.received == two.counts.received == 20
    assert {e.seq for e in await stored(log, INPUTS)} == set(range(40))


def test_neighbouring_ranges_become_one() -> None:
    def one(first: int, last: int, verdict: str = "stored", boot: str = BOOT) -> AckRange:
        return msgspec.convert({"boot": boot, "first": first, "last": last, "verdict": verdict}, AckRange)

    assert merged([one(0, 3), one(4, 7), one(7, 9), one(11, 12)]) == (one(0, 9), one(11, 12))
    assert merged([one(0, 3), one(4, 4, "rejected"), one(5, 6)]) == (one(0, 3), one(4, 4, "rejected"), one(5, 6))
    assert merged([one(0, 3), one(4, 5, boot="other")]) == (one(0, 3), one(4, 5, boot="other"))
    assert merged([]) == ()


@pytest.mark.live
async def test_over_mosquitto_a_killed_bridge_and_a_restarted_broker_lose_nothing(log: EmbeddedLog, mosquitto: MosquittoServer) -> None:
    secrets = mosquitto.conf.parent / "credentials"

    def transport(user: str) -> Transport:
        return make_transport(mosquitto.url, secrets / f"{user}.toml", receive_maximum=256)

    pole = await Pole(transport("pole-1")).connect()
    async with Running(transport("bridge"), log):
        await pole.send(*(batch([1.0], seq=n) for n in range(50)))
        await pole.hears_of(50)
    pole.told.clear()
    await pole.send(*(batch([1.0], seq=n) for n in range(50, 100)))
    await asyncio.to_thread(mosquitto.stop)
    await asyncio.to_thread(mosquitto.run)
    async with Running(transport("bridge"), log) as bridge:
        await pole.hears_of(50)
    assert [e.seq for e in await stored(log, INPUTS)] == list(range(100))
    assert not bridge.counts.dead_lettered
    await pole.transport.close()
