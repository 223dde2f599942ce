"""Partitions follow the living members of a group."""

from __future__ import annotations

from stream_processor.logs.port import Member
from tests.logs.harness import World, new_topic, until

PARTITIONS = 6
ALL = frozenset(range(PARTITIONS))


async def shared_evenly(*members: Member) -> bool:
    shares = [await member.assigned() for member in members]
    return frozenset().union(*shares) == ALL and all(len(share) == PARTITIONS // len(members) for share in shares)


async def test_a_single_member_has_everything(world: World) -> None:
    log = await world.open()
    member = await log.join("engine", await new_topic(log, PARTITIONS), "alone")
    assert await member.assigned() == ALL
    await member.leave()
    assert await member.assigned() == frozenset()


async def test_two_members_share_all_partitions_and_one_that_leaves_gives_its_back(world: World) -> None:
    logs = [await world.open(), await world.open()]
    topic = await new_topic(logs[0], PARTITIONS)
    first, second = [await log.join("engine", topic, "worker") for log in logs]
    await until(lambda: shared_evenly(first, second))
    await first.leave()
    await until(lambda: shared_evenly(second))
    await second.leave()


async def test_a_member_that_dies_loses_its_partitions_and_gets_some_when_it_returns(world: World) -> None:
    logs = [await world.open(), await world.open()]
    topic = await new_topic(logs[0], PARTITIONS)
    silent, alive = await logs[0].join("engine", topic, "a"), await logs[1].join("engine", topic, "b")
    await until(lambda: shared_evenly(silent, alive))
    await until(lambda: shared_evenly(alive))  # only `alive` goes on calling
    await until(lambda: shared_evenly(silent, alive))
    await silent.leave()
    await alive.leave()


async def test_groups_and_topics_are_apart(world: World) -> None:
    log = await world.open()
    one, two = await new_topic(log, PARTITIONS), await new_topic(log, PARTITIONS)
    members = [await log.join("engine", one, "a"), await log.join("sink", one, "a"), await log.join("vision", two, "a")]
    for member in members:
        assert await member.assigned() == ALL
    for member in members:
        await member.leave()
