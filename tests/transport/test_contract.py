"""What every transport does, found by folder: each file of `kits` is an implementation."""

from __future__ import annotations

import asyncio
import importlib
import pkgutil
from collections.abc import Iterator

import pytest

import city_model.transport
from city_model.faults import Rejected, Unavailable
from city_model.transport.port import Delivery, Message, Transport
from tests.servers import require
from tests.transport import kits
from tests.transport.kits import Client, Kit

NAMES = sorted(module.name for module in pkgutil.iter_modules(kits.__path__))
AIR = "city/v1/ht-kt/air-1/telemetry"
STATUS = "city/v1/ht-kt/pole-1/status"
ALL = "city/v1/+/+/telemetry"


@pytest.fixture(scope="module", params=[pytest.param(n, marks=[pytest.mark.live] if n == "mqtt" else []) for n in NAMES])
def kit(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kit]:
    module = importlib.import_module(f"tests.transport.kits.{request.param}")
    try:
        made: Kit = module.make(tmp_path_factory.mktemp(request.param))
    except Unavailable as err:
        require(module.LIVE, str(err))
    yield made
    made.close()


def test_every_implementation_is_under_the_contract() -> None:
    modules = {module.name for module in pkgutil.iter_modules(city_model.transport.__path__)}
    implementations = {name for name in modules if hasattr(importlib.import_module(f"city_model.transport.{name}"), "RECEIVE_MAXIMUM")}
    assert implementations - {"open"} == set(NAMES)


async def opened(kit: Kit, user: str, client_id: str = "", will: Message | None = None) -> Client:
    client = kit.client(user)
    await client.connect(client_id or user, will=will)
    return client


async def take(client: Transport, count: int) -> list[Delivery]:
    """`count` deliveries, un-acked."""
    out: list[Delivery] = []
    async with asyncio.timeout(20):
        while len(out) < count:
            out += await client.receive(count - len(out))
    return out


def payloads(deliveries: list[Delivery]) -> list[bytes]:
    return [delivery.message.payload for delivery in deliveries]


async def nothing_more(client: Transport) -> bool:
    try:
        async with asyncio.timeout(0.3):
            await client.receive(1)
    except TimeoutError:
        return True
    return False


async def test_a_message_arrives_whole(kit: Kit) -> None:
    bridge, pole = await opened(kit, "bridge", "whole"), await opened(kit, "pole-1")
    await bridge.subscribe([ALL])
    sent = Message(AIR, bytes(range(256)), "application/x-test", {"id": "1", "tên": "Hồ Tây", "empty": ""})
    await pole.publish(sent)
    (delivery,) = await take(bridge, 1)
    delivery.ack()
    got = delivery.message
    assert (got.topic, got.payload, got.content_type, dict(got.properties)) == (AIR, sent.payload, sent.content_type, dict(sent.properties))
    assert not got.retain
    assert bridge.connected
    await bridge.close()
    await pole.close()
    assert not bridge.connected


async def test_order_is_kept_and_batches_are_bounded_by_what_is_asked(kit: Kit) -> None:
    bridge, pole = await opened(kit, "bridge", "order"), await opened(kit, "pole-1")
    await bridge.subscribe([ALL])
    await asyncio.gather(*(pole.publish(Message(AIR, b"%d" % n)) for n in range(50)))
    first = await bridge.receive(7)
    assert 1 <= len(first) <= 7
    rest = await take(bridge, 50 - len(first))
    assert payloads(first + rest) == [b"%d" % n for n in range(50)]
    for delivery in first + rest:
        delivery.ack()
    await bridge.close()
    await pole.close()


async def test_what_was_not_acked_comes_again_to_the_same_client_id(kit: Kit) -> None:
    bridge, pole = await opened(kit, "bridge", "again"), await opened(kit, "pole-1")
    await bridge.subscribe([ALL])
    for n in range(4):
        await pole.publish(Message(AIR, b"%d" % n))
    got = await take(bridge, 4)
    got[0].ack()
    got[2].ack()
    await bridge.close()
    await pole.publish(Message(AIR, b"while away"))
    bridge = await opened(kit, "bridge", "again")
    again = await take(bridge, 3)
    assert payloads(again) == [b"1", b"3", b"while away"]
    for delivery in again:
        delivery.ack()
    await bridge.close()
    bridge = await opened(kit, "bridge", "again")
    assert await nothing_more(bridge)
    await bridge.close()
    await pole.close()


async def test_a_broker_that_went_away_and_came_back_is_found_again(kit: Kit) -> None:
    bridge, pole = await opened(kit, "bridge", "comeback"), await opened(kit, "pole-1")
    await bridge.subscribe([ALL])
    await pole.publish(Message(AIR, b"before"))
    (before,) = await take(bridge, 1)
    await asyncio.to_thread(kit.stop)
    async with asyncio.timeout(10):
        while pole.connected or bridge.connected:
            await asyncio.sleep(0.01)
    with pytest.raises(Unavailable):
        await pole.publish(Message(AIR, b"lost"))
    before.ack()  # too late or in time: either way nothing is lost
    await asyncio.to_thread(kit.start)
    async with asyncio.timeout(20):
        while not (pole.connected and bridge.connected):
            await asyncio.sleep(0.01)
    await pole.publish(Message(AIR, b"after"))
    got: list[bytes] = []
    while b"after" not in got:
        (delivery,) = await take(bridge, 1)
        delivery.ack()
        got.append(delivery.message.payload)
    assert b"lost" not in got
    await bridge.close()
    await pole.close()


async def test_a_retained_message_reaches_later_subscribers_and_only_new_subscriptions(kit: Kit) -> None:
    pole = await opened(kit, "pole-1")
    await pole.publish(Message(STATUS, b"online", retain=True))
    bridge = await opened(kit, "bridge", "late")
    await bridge.subscribe(["city/v1/+/+/status"])
    (delivery,) = await take(bridge, 1)
    delivery.ack()
    assert (delivery.message.payload, delivery.message.retain) == (b"online", True)
    await bridge.subscribe(["city/v1/+/+/status"])
    assert await nothing_more(bridge)
    await pole.publish(Message(STATUS, b"", retain=True))
    await bridge.close()
    other = await opened(kit, "bridge", "later")
    await other.subscribe(["city/v1/+/+/status"])
    assert await nothing_more(other)
    await other.close()
    await pole.close()


async def test_the_will_is_published_after_an_abrupt_end_and_not_after_a_clean_one(kit: Kit) -> None:
    bridge = await opened(kit, "bridge", "wills")
    await bridge.subscribe(["city/v1/+/+/status"])
    will = Message(STATUS, b"offline", "application/json", {"id": "will"}, retain=False)
    clean = await opened(kit, "pole-1", will=will)
    await clean.close()
    assert await nothing_more(bridge)
    dying = await opened(kit, "pole-1", will=will)
    await dying.abort()
    (delivery,) = await take(bridge, 1)
    delivery.ack()
    assert delivery.message == Message(STATUS, b"offline", "application/json", {"id": "will"})
    await bridge.close()


async def test_a_group_shares_the_messages(kit: Kit) -> None:
    pole = await opened(kit, "pole-1")
    members = [await opened(kit, "bridge", f"member-{n}") for n in range(2)]
    for member in members:
        await member.subscribe([f"$share/bridges/{ALL}"])
    for n in range(20):
        await pole.publish(Message(AIR, b"%d" % n))
    shares = [payloads(await take(member, 10)) for member in members]
    assert sorted(int(p) for share in shares for p in share) == list(range(20))
    for member in members:
        await member.close()
    await pole.close()


async def test_what_the_acl_denies_is_rejected_and_the_connection_lives_on(kit: Kit) -> None:
    pole, loner = await opened(kit, "pole-1"), await opened(kit, "air-2")
    for topic in ("city/v1/bank/air-2/telemetry", "city/v1/ht-kt/air-1/ack", "city/v1/ht-kt/air-1/cmd", "elsewhere"):
        with pytest.raises(Rejected) as refusal:
            await pole.publish(Message(topic, b"x"))
        assert refusal.value.code == "not_authorized"
    await pole.publish(Message(AIR, b"mine"))
    await loner.subscribe(["#"])
    await pole.publish(Message(AIR, b"not yours"))
    assert await nothing_more(loner)
    await pole.close()
    await loner.close()


async def test_what_is_too_large_is_rejected_and_what_is_too_large_for_us_only_arrives(kit: Kit) -> None:
    bridge, pole = await opened(kit, "bridge", "large"), await opened(kit, "pole-1")
    await bridge.subscribe([ALL])
    for size_kib in (3 * 1024, 1024 + 65):
        with pytest.raises(Rejected) as refusal:
            await pole.publish(Message(AIR, bytes(size_kib * 1024)))
        assert refusal.value.code == "packet_too_large"
    await pole.publish(Message(AIR, bytes(300 * 1024)))
    (delivery,) = await take(bridge, 1)
    delivery.ack()
    assert len(delivery.message.payload) == 300 * 1024
    await bridge.close()
    await pole.close()


@pytest.mark.parametrize("topic", ["", "city/+/x", "city/#", "a\0b"])
async def test_a_topic_nobody_may_publish_on_is_rejected_before_it_is_sent(kit: Kit, topic: str) -> None:
    pole = await opened(kit, "pole-1")
    with pytest.raises(Rejected) as refusal:
        await pole.publish(Message(topic, b"x"))
    assert refusal.value.code == "bad_topic"
    await pole.close()


async def test_a_broker_that_is_away_is_unavailable(kit: Kit) -> None:
    await asyncio.to_thread(kit.stop)
    try:
        with pytest.raises(Unavailable):
            await opened(kit, "pole-1")
    finally:
        await asyncio.to_thread(kit.start)


async def test_a_client_that_never_connected_can_do_nothing(kit: Kit) -> None:
    client = kit.client("pole-1")
    with pytest.raises(Unavailable):
        await client.publish(Message(AIR, b"x"))
    with pytest.raises(Unavailable):
        await client.receive(1)
    assert not client.connected
    await client.close()


async def test_closing_ends_a_waiting_receive(kit: Kit) -> None:
    bridge = await opened(kit, "bridge", "waiter")
    waiting = asyncio.create_task(bridge.receive(1))
    await asyncio.sleep(0)
    await bridge.close()
    with pytest.raises(Unavailable):
        await waiting


async def test_a_second_connection_of_one_client_id_takes_over(kit: Kit) -> None:
    first = await opened(kit, "bridge", "twice")
    second = await opened(kit, "bridge", "twice")
    async with asyncio.timeout(5):
        while first.connected:
            await asyncio.sleep(0.01)
    assert second.connected
    await first.close()
    await second.close()
