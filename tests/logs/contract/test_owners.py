"""Outputs and offset are one thing, and only the newest owner may write them."""

from __future__ import annotations

import pytest

from city_model.faults import Fenced, Rejected
from stream_processor.logs.port import MAX_RECORD_BYTES, EventLog, Output
from tests.logs.harness import World, new_topic, read_all, record, values


async def test_outputs_and_offset_are_committed_together(log: EventLog) -> None:
    inputs, one, two = [await new_topic(log, 3) for _ in range(3)]
    owner = await log.own("engine", inputs, 2)
    assert await owner.committed() is None
    await owner.commit([Output(one, record(b"a")), Output(two, record(b"b")), Output(one, record(b"c"))], 17)
    assert await owner.committed() == 17
    assert await values(log, one, 2) == [b"a", b"c"]
    assert await values(log, two, 2) == [b"b"]
    await owner.close()


async def test_an_owner_may_write_into_its_own_input(log: EventLog) -> None:
    inputs = await new_topic(log)
    await log.append(inputs, [(0, record(b"reading"))])
    owner = await log.own("engine", inputs, 0)
    await owner.commit([Output(inputs, record(b"tick"))], None)
    assert await owner.committed() is None
    await owner.commit([], 2)
    assert await owner.committed() == 2
    assert await values(log, inputs) == [b"reading", b"tick"]
    await owner.close()


async def test_nothing_is_visible_of_a_commit_that_is_rejected(log: EventLog) -> None:
    inputs, outputs = await new_topic(log), await new_topic(log)
    for bad in (Output("t-nobody-made-this", record(b"x")), Output(outputs, record(bytes(MAX_RECORD_BYTES + 1)))):
        owner = await log.own("engine", inputs, 0)
        with pytest.raises(Rejected):
            await owner.commit([Output(outputs, record(b"never seen")), bad], 5)
        await owner.close()
    owner = await log.own("engine", inputs, 0)
    assert await owner.committed() is None
    await owner.commit([Output(outputs, record(b"seen"))], 1)
    assert await values(log, outputs) == [b"seen"]
    await owner.close()


async def test_a_group_resumes_where_it_committed(world: World) -> None:
    log = await world.open()
    inputs = await new_topic(log)
    await log.append(inputs, [(0, record(bytes([n]))) for n in range(5)])
    owner = await log.own("engine", inputs, 0)
    await owner.commit([], 3)
    await owner.close()
    await log.close()
    again = await world.open()
    owner = await again.own("engine", inputs, 0)
    offset = await owner.committed()
    assert offset == 3
    assert await values(again, inputs, 0, offset) == [b"\3", b"\4"]
    other = await again.own("another group", inputs, 0)
    assert await other.committed() is None
    await owner.close()
    await other.close()


async def test_a_zombie_is_fenced_and_nothing_of_it_is_seen(world: World) -> None:
    stalled, alive = await world.open(), await world.open()
    inputs, outputs = await new_topic(stalled), await new_topic(stalled)
    zombie = await stalled.own("engine", inputs, 0)
    await zombie.commit([Output(outputs, record(b"while it was the owner"))], 1)
    owner = await alive.own("engine", inputs, 0)
    assert await owner.committed() == 1
    with pytest.raises(Fenced):
        await zombie.commit([Output(outputs, record(b"from the grave"))], 9)
    assert await owner.committed() == 1
    await owner.commit([Output(outputs, record(b"by the new owner"))], 2)
    assert await values(alive, outputs) == [b"while it was the owner", b"by the new owner"]
    assert await owner.committed() == 2
    await zombie.close()
    await owner.close()


async def test_a_zombie_that_only_commits_its_offset_is_fenced(world: World) -> None:
    stalled, alive = await world.open(), await world.open()
    inputs = await new_topic(stalled)
    zombie = await stalled.own("engine", inputs, 0)
    owner = await alive.own("engine", inputs, 0)
    with pytest.raises(Fenced):
        await zombie.commit([], 9)
    assert await owner.committed() is None
    await zombie.close()
    await owner.close()


async def test_owners_of_different_partitions_and_groups_do_not_disturb_each_other(log: EventLog) -> None:
    inputs, outputs = await new_topic(log, 2), await new_topic(log, 2)
    owners = [await log.own(group, inputs, partition) for group in ("g", "h") for partition in (0, 1)]
    for n, owner in enumerate(owners):
        await owner.commit([Output(outputs, record(b"%d" % n))], n)
    assert [await owner.committed() for owner in owners] == [0, 1, 2, 3]
    assert await values(log, outputs, 0) == [b"0", b"2"]
    assert await values(log, outputs, 1) == [b"1", b"3"]
    for owner in owners:
        await owner.close()


async def test_holes_between_offsets_confuse_no_reader(log: EventLog) -> None:
    """A transaction leaves markers on Kafka, compaction leaves gaps in both; the position passes them and reaches the end."""
    topic = await new_topic(log, compacted=True)
    owner = await log.own("engine", topic, 0)
    for n in range(4):
        await owner.commit([Output(topic, record(b"%d" % n, b"same"))], None)
    await owner.close()
    found = await read_all(log, topic)
    offsets = [stored.offset for stored in found]
    assert offsets == sorted(set(offsets))
    assert found[-1].record.value == b"3"
    await log.append(topic, [(0, record(b"after", b"other"))])
    assert (await values(log, topic, 0, found[-1].offset + 1)) == [b"after"]
