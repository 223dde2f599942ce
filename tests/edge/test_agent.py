"""The agent end to end over the broker in process, with a small bridge that stores and acks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np

from city_model.clock import ManualClock
from city_model.codec import packed, samples
from city_model.events import AckRange, Event, EventType, Gap, Readings, Status, TrafficSample
from city_model.transport.local import LocalBroker, LocalTransport
from city_model.transport.port import Message
from edge_agent.agent import Agent
from edge_agent.outbox import Budget
from edge_agent.settings import AgentSettings
from edge_agent.sources.port import Fault, Frame
from edge_agent.sources.push import PushSource
from tests.edge.bridges import Bridge, running, store


def settings(path: Path) -> AgentSettings:
    return AgentSettings("agent-1", "site-1", path / "outbox", {"cam-1": "site-2"}, batch_wait_s=0.01, commit_wait_s=0.0, stop_grace_s=0.2)


def readings(*values: float, at_ms: int = 1000, name: str = "pm25") -> Readings:
    n = len(values)
    return Readings((name,), np.zeros(n, np.uint16), np.arange(at_ms, at_ms + n, dtype=np.int64), np.array(values))


def sample(at_ms: int) -> TrafficSample:
    return TrafficSample(at_ms, 5.0, "north", 3, 2, 1, 900.0, 0.2, 0.9)


class City:
    """An agent with two pushed sources, a broker and a bridge."""

    def __init__(self, path: Path, chosen: AgentSettings | None = None) -> None:
        self.broker = LocalBroker()
        self.clock = ManualClock(1_000_000)
        self.bridge = Bridge()
        self.air, self.camera = PushSource("air-1"), PushSource("cam-1")
        self.transport: LocalTransport = self.broker.client("agent-1")
        self.settings = chosen or settings(path)
        self.agent = self.start()

    def start(self) -> Agent:
        return Agent(self.settings, self.transport, [self.air, self.camera], self.clock)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[City]:
        stop = asyncio.Event()
        async with running(self.bridge, self.broker):
            task = asyncio.create_task(self.agent.run(stop))
            try:
                yield self
            finally:
                stop.set()
                await task


async def retained(broker: LocalBroker, topic: str) -> Status:
    """The retained status on `topic`, waited for."""
    client = broker.client("onlooker")
    await client.connect("onlooker")
    await client.subscribe([topic])
    (delivery,) = await client.receive(1)
    delivery.ack()
    await client.close()
    return msgspec.json.decode(delivery.message.payload, type=Status)


async def test_readings_samples_and_frames_arrive_as_they_were_and_flushed_waits_for_the_acks(tmp_path: Path) -> None:
    async with City(tmp_path).running() as city:
        await city.air.push([readings(1, 2, 3), readings(50, name="humidity", at_ms=1003)])
        await city.camera.push([sample(2000), sample(7000), Frame(7100, b"jpeg")])
        await city.agent.flushed()
        assert city.agent.counts.accepted == city.agent.counts.stored == 7
        assert city.agent.counts.accepted_by_device == {"air-1": 4, "cam-1": 3}
        assert city.agent.waiting == 0
        by_type = {e.type: e for e in city.bridge.events}
        got = packed.decode(by_type[EventType.READINGS].data)
        assert got.names == ("pm25", "humidity")
        assert got.value.tolist() == [1, 2, 3, 50]
        assert samples.decode(by_type[EventType.SAMPLES].data) == [sample(2000), sample(7000)]
        assert by_type[EventType.SAMPLES].site == "site-2"
        assert by_type[EventType.FRAME].data == b"jpeg"
        assert by_type[EventType.FRAME].recorded_ms == 1_000_000


async def test_batches_are_cut_at_the_size_that_was_set(tmp_path: Path) -> None:
    async with City(tmp_path, replace(settings(tmp_path), batch_items=100)).running() as city:
        await city.air.push([readings(*range(250))])
        await city.agent.flushed()
        assert [(e.seq, e.count) for e in city.bridge.events] == [(0, 100), (100, 100), (200, 50)]


async def test_what_the_bridge_does_not_ack_is_sent_again_and_arrives_once_more_only(tmp_path: Path) -> None:
    city = City(tmp_path, replace(settings(tmp_path), resend_after_s=0.05))
    refused: list[Event] = []

    def first_time_not(event: Event) -> AckRange | None:
        if event not in refused:
            refused.append(event)
            return None
        return store(event)

    city.bridge.verdict = first_time_not
    async with city.running():
        await city.air.push([readings(1, 2)])
        await city.agent.flushed()
        assert [e.id for e in city.bridge.events] == [refused[0].id] * 2
        assert city.agent.counts.resent_batches == 1


async def test_what_the_bridge_rejects_is_gone_and_counted_by_its_reason(tmp_path: Path) -> None:
    city = City(tmp_path)
    city.bridge.verdict = lambda e: AckRange(e.boot, e.seq, e.seq + e.count - 1, "rejected", "out_of_range")
    async with city.running():
        await city.air.push([readings(1, 2)])
        await city.agent.flushed()
        assert city.agent.counts.rejected == {"out_of_range": 2}
        assert city.agent.waiting == 0


async def test_an_outage_of_the_broker_loses_nothing(tmp_path: Path) -> None:
    async with City(tmp_path).running() as city:
        await city.air.push([readings(1)])
        await city.agent.flushed()
        city.broker.stop()
        for i in range(20):
            await city.air.push([readings(i, at_ms=2000 + i)])
        await city.air.caught_up(None)
        city.broker.start()
        await city.agent.flushed()
        assert sorted({seq for _, seq in city.bridge.items("air-1")}) == list(range(21))


async def test_a_restart_sends_what_was_accepted_and_not_acked(tmp_path: Path) -> None:
    city = City(tmp_path)
    city.bridge.verdict = lambda _: None
    async with city.running():
        await city.air.push([readings(1, 2, 3)])
        await city.bridge.until(lambda b: len(b.events) == 1)
    assert city.agent.counts.accepted == 3
    city.agent = city.start()
    city.bridge.verdict = store
    async with city.running():
        await city.agent.flushed()
    first, again = city.bridge.events
    assert first == again


async def test_what_the_broker_refuses_three_times_is_set_aside_and_the_rest_goes_on(tmp_path: Path) -> None:
    city = City(tmp_path, replace(settings(tmp_path), refused_wait_s=0.001))
    city.broker = LocalBroker(lambda _user, access, topic: access == "read" or "cam-1/telemetry" not in topic)
    city.transport = city.broker.client("agent-1")
    await city.agent._close()
    city.agent = city.start()
    async with city.running():
        await city.camera.push([sample(1)])
        await city.air.push([readings(1)])
        await city.agent.flushed()
        assert city.agent.counts.set_aside == 1
        await city.bridge.until(lambda b: any(e.type == EventType.GAP for e in b.events))
        gap = next(msgspec.json.decode(e.data, type=Gap) for e in city.bridge.events if e.type == EventType.GAP)
        assert (gap.first_seq, gap.count) == (0, 1)
        assert gap.reason.startswith("set aside: not_authorized")


async def test_the_agents_status_is_retained_and_the_will_says_offline(tmp_path: Path) -> None:
    city = City(tmp_path)
    async with city.running():
        status = await retained(city.broker, "city/v1/site-1/agent-1/status")
        assert (status.state, status.outbox_items) == ("online", 0)
        assert status.boot
        await city.transport.abort()
        assert (await retained(city.broker, "city/v1/site-1/agent-1/status")).state == "offline"


async def test_a_clean_stop_says_offline_too(tmp_path: Path) -> None:
    city = City(tmp_path)
    async with city.running():
        await retained(city.broker, "city/v1/site-1/agent-1/status")
    assert (await retained(city.broker, "city/v1/site-1/agent-1/status")).detail == "stopped"


async def test_a_fault_of_a_source_is_the_devices_status_until_it_measures_again(tmp_path: Path) -> None:
    async with City(tmp_path).running() as city:
        topic = "city/v1/site-2/cam-1/status"
        await city.camera.push([Fault(5, "stalled")])
        fault = await retained(city.broker, topic)
        assert (fault.state, fault.detail) == ("fault", "stalled")
        await city.camera.push([sample(6)])
        while (status := await retained(city.broker, topic)) == fault:
            await city.camera.caught_up(None)
        assert (status.state, status.detail) == ("online", "recovered")


async def test_acks_that_make_no_sense_are_counted_and_change_nothing(tmp_path: Path) -> None:
    city = City(tmp_path)
    async with city.running():
        await city.agent.flushed()
        client = city.broker.client()
        await client.connect("stranger")
        for payload in (b"{", b'{"ranges":[{"boot":"x","first":5,"last":1,"verdict":"stored"}]}', b"[" * 100_000):
            await client.publish(Message("city/v1/site-1/air-1/ack", payload))
        await city.air.push([readings(1)])
        await city.agent.flushed()
        assert city.agent.counts.malformed_acks == 3
        assert city.agent.counts.stored == 1


async def test_sources_that_end_are_done_and_their_agent_drains(tmp_path: Path) -> None:
    async with City(tmp_path).running() as city:
        await city.air.push([readings(1)])
        await city.air.end()
        await city.camera.end()
        await city.agent.ended()
        await city.agent.drained()
        assert city.agent.counts.stored == 1


async def test_a_full_budget_is_told_in_gap_records_and_nothing_is_counted_twice(tmp_path: Path) -> None:
    city = City(tmp_path, replace(settings(tmp_path), budget=Budget(total_bytes=1_000_000, segment_bytes=150_000)))
    async with city.running():
        await city.air.push([readings(1)])
        await city.agent.flushed()
        city.broker.stop()
        for _ in range(120):
            await city.camera.push([Frame(1, b"x" * 20_000)])
        await city.camera.caught_up(None)
        city.broker.start()
        await city.agent.flushed()
        arrived = {seq for e in city.bridge.events if e.type == EventType.FRAME for seq in range(e.seq, e.seq + 1)}
        gaps = [msgspec.json.decode(e.data, type=Gap) for e in city.bridge.events if e.type == EventType.GAP]
        missing = {seq for g in gaps for seq in range(g.first_seq, g.last_seq + 1)}
        assert missing
        assert arrived | missing == set(range(120))
        assert city.agent.counts.stored == 1 + len(arrived)
