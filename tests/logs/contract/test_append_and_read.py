"""What is appended is there, once, in order, as it was."""

from __future__ import annotations

import asyncio

import pytest

from city_model.faults import Rejected
from city_model.topics import LogTopic
from stream_processor.logs.port import MAX_RECORD_BYTES, EventLog, Record
from tests.logs.harness import World, new_topic, read_all, record, values


async def test_records_are_read_in_the_order_they_were_appended(log: EventLog) -> None:
    topic = await new_topic(log, 3)
    await log.append(topic, [(1, record(b"a")), (2, record(b"other")), (1, record(b"b"))])
    await log.append(topic, [(1, record(b"c"))])
    assert await values(log, topic, 1) == [b"a", b"b", b"c"]
    assert await values(log, topic, 2) == [b"other"]
    assert await values(log, topic, 0) == []


async def test_a_record_comes_back_as_it_was(log: EventLog) -> None:
    topic = await new_topic(log)
    headers = (("ce_id", b"7"), ("twice", b"1"), ("twice", b"\xff\x00"), ("empty", b""))
    written = [Record(b"key", b"value", headers, 1_700_000_000_123), Record(b"", None), Record("Đà Nẵng".encode(), b"", (), -1)]
    await log.append(topic, [(0, one) for one in written])
    assert [stored.record for stored in await read_all(log, topic)] == written


async def test_large_values_survive(log: EventLog) -> None:
    topic = await new_topic(log)
    written = [bytes([n]) * 200_000 for n in range(20)]
    await log.append(topic, [(0, record(value)) for value in written])
    assert await values(log, topic) == written


async def test_a_record_of_the_largest_size_is_taken_and_a_larger_one_rejected(log: EventLog) -> None:
    topic = await new_topic(log)
    value = bytes(n % 251 for n in range(MAX_RECORD_BYTES - 1))
    await log.append(topic, [(0, Record(b"k", value))])
    with pytest.raises(Rejected, match="too_big"):
        await log.append(topic, [(0, record(b"small")), (0, Record(b"kk", value))])
    assert await values(log, topic) == [value]


async def test_a_reader_starts_where_it_is_told(log: EventLog) -> None:
    topic = await new_topic(log)
    await log.append(topic, [(0, record(bytes([n]))) for n in range(10)])
    assert await values(log, topic, 0, 7) == [b"\7", b"\10", b"\11"]
    assert await log.bounds(topic, 0) == (0, 10)


async def test_a_fetch_returns_at_most_what_was_asked_for_and_goes_on_from_there(log: EventLog) -> None:
    topic = await new_topic(log)
    await log.append(topic, [(0, record(bytes([n]))) for n in range(7)])
    reader = await log.reader(topic, 0, 0)
    parts = [await reader.fetch(3, 5.0) for _ in range(3)]
    assert [[stored.offset for stored in part] for part in parts] == [[0, 1, 2], [3, 4, 5], [6]]
    assert reader.position == 7
    await reader.close()


async def test_a_waiting_reader_gets_what_arrives(log: EventLog) -> None:
    topic = await new_topic(log, 2)
    readers = [await log.reader(topic, partition, 0) for partition in (0, 1)]
    waiting = [asyncio.create_task(reader.fetch(10, 10.0)) for reader in readers]
    await log.append(topic, [(0, record(b"for the first"))])
    assert [stored.record.value for stored in await waiting[0]] == [b"for the first"]
    await log.append(topic, [(1, record(b"for the second"))])
    assert [stored.record.value for stored in await waiting[1]] == [b"for the second"]
    for reader in readers:
        await reader.close()


async def test_a_reader_in_another_place_gets_what_arrives(world: World) -> None:
    here, there = await world.open(), await world.open()
    topic = await new_topic(here)
    reader = await there.reader(topic, 0, 0)
    waiting = asyncio.create_task(reader.fetch(10, 10.0))
    await here.append(topic, [(0, record(b"news"))])
    assert [stored.record.value for stored in await waiting] == [b"news"]
    await reader.close()


async def test_an_idle_fetch_returns_nothing_after_its_time(log: EventLog) -> None:
    reader = await log.reader(await new_topic(log), 0, 0)
    assert await reader.fetch(10, 0.05) == []
    await reader.close()


async def test_a_thousand_concurrent_appends_are_all_there_once(log: EventLog) -> None:
    topic = await new_topic(log, 4)
    await asyncio.gather(*[log.append(topic, [(n % 4, record(str(n).encode()))]) for n in range(1000)])
    found = [stored.record.value or b"" for partition in range(4) for stored in await read_all(log, topic, partition)]
    assert sorted(found) == sorted(str(n).encode() for n in range(1000))
    first = [int(value or b"") for value in await values(log, topic, 0)]
    assert first == sorted(first)  # concurrent, yet in the order of the calls


async def test_it_is_all_there_after_closing_and_opening_again(world: World) -> None:
    log = await world.open()
    topic = await new_topic(log, 2)
    await log.append(topic, [(0, record(b"before"))])
    await log.close()
    again = await world.open()
    await again.append(topic, [(0, record(b"after"))])
    assert await values(again, topic) == [b"before", b"after"]
    assert await again.partitions(topic) == 2


async def test_a_compacted_topic_keeps_the_newest_of_each_key(log: EventLog) -> None:
    topic = await new_topic(log, compacted=True)
    for n in range(5):
        await log.append(topic, [(0, record(b"%d" % n, b"a")), (0, record(b"%d" % (10 * n), b"b"))])
    await log.append(topic, [(0, record(None, b"b"))])
    newest = {stored.record.key: stored.record.value for stored in await read_all(log, topic)}
    assert newest == {b"a": b"4", b"b": None}


async def test_what_can_never_work_is_rejected(log: EventLog) -> None:
    topic = await new_topic(log, 2)
    with pytest.raises(Rejected, match="bad_partition"):
        await log.append(topic, [(0, record(b"fine")), (2, record(b"no such partition"))])
    with pytest.raises(Rejected, match="unknown_topic"):
        await log.append("t-nobody-made-this", [(0, record(b"x"))])
    with pytest.raises(Rejected, match="unknown_topic"):
        await log.partitions("t-nobody-made-this")
    with pytest.raises(Rejected, match="bad_partition"):
        await log.reader(topic, 5, 0)
    assert await values(log, topic) == []


async def test_topics_are_made_once_and_keep_their_number_of_partitions(log: EventLog) -> None:
    topic = await new_topic(log, 2)
    await log.append(topic, [(1, record(b"kept"))])
    await log.ensure_topics([LogTopic(topic, None)], 2)
    assert await values(log, topic, 1) == [b"kept"]
    with pytest.raises(Rejected, match="partition_count"):
        await log.ensure_topics([LogTopic(topic, None)], 3)
