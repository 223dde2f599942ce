"""The embedded log's files: rolling, retention, several processes, a killed one, a full disk."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from city_model.clock import ManualClock
from city_model.faults import Unavailable
from city_model.topics import LogTopic
from stream_processor.logs.embedded import EmbeddedLog, Settings
from stream_processor.logs.embedded_chain import TOMBSTONE_KEPT_MS, archive_path, numbers
from stream_processor.logs.port import Output
from tests.logs.harness import read_all, record, values

DAY_MS = 86_400_000
SHORT, FOREVER, STATE = LogTopic("short", 10 * DAY_MS), LogTopic("forever", None), LogTopic("state", None, compacted=True)


@asynccontextmanager
async def opened(directory: Path, clock: ManualClock | None = None, segment_bytes: int = 1 << 30) -> AsyncIterator[EmbeddedLog]:
    """A log with the three kinds of topics, whose files are rolled after a day of `clock` or at `segment_bytes`."""
    log = await EmbeddedLog.open(directory, Settings(segment_bytes=segment_bytes), clock)
    await log.ensure_topics([SHORT, FOREVER, STATE], 1)
    yield log
    await log.close()


async def write_a_day(log: EmbeddedLog, clock: ManualClock, day: int) -> None:
    """The first write of a day rolls the file."""
    clock.advance_to(day * DAY_MS)
    value = b"day %d" % day
    for topic in ("short", "forever"):
        await log.append(topic, [(0, record(value))])
    await log.append("state", [(0, record(value, b"same key"))])


def size_of(directory: Path, number: int) -> int:
    return sum(path.stat().st_size for path in directory.glob(f"segment-{number:08d}.db*"))


async def test_a_roll_carries_on_what_must_live_and_leaves_the_rest_where_it_is(tmp_path: Path) -> None:
    clock = ManualClock()
    async with opened(tmp_path, clock) as log:
        owner = await log.own("engine", "short", 0)
        await owner.commit([Output("forever", record(b"by the owner"))], 5)
        for day in range(4):
            await write_a_day(log, clock, day)
        assert numbers(tmp_path) == [1, 2, 3, 4]
        days = [b"day %d" % day for day in range(4)]
        assert await values(log, "short") == days
        assert await values(log, "forever") == [b"by the owner", *days]
        assert await values(log, "short", 0, 2) == days[2:]
        assert await values(log, "state") == [b"day 3"]
        assert await owner.committed() == 5
        await owner.commit([], 6)
    async with opened(tmp_path, clock) as log:
        assert await values(log, "short") == days
        assert await (await log.own("engine", "short", 0)).committed() == 6


async def test_retention_takes_what_is_old_and_only_that(tmp_path: Path) -> None:
    clock = ManualClock()
    async with opened(tmp_path, clock) as log:
        for day in range(4):
            await write_a_day(log, clock, day)
        assert await log.expire(12 * DAY_MS) == 2  # files 1 and 2 were sealed on days 1 and 2, so ten days ago or longer
        assert numbers(tmp_path) == [3, 4]
        assert archive_path(tmp_path).exists()
        assert await values(log, "short") == [b"day 2", b"day 3"]
        assert await log.bounds("short", 0) == (2, 4)
        assert await values(log, "forever") == [b"day 0", b"day 1", b"day 2", b"day 3"]
        assert await values(log, "state") == [b"day 3"]
        assert await log.expire(12 * DAY_MS) == 0
    async with opened(tmp_path, clock) as log:
        assert await values(log, "forever", 0, 1) == [b"day 1", b"day 2", b"day 3"]
        assert await log.bounds("forever", 0) == (0, 4)


async def test_a_file_shrinks_when_one_of_its_topics_has_expired(tmp_path: Path) -> None:
    clock = ManualClock()
    long = LogTopic("long", 90 * DAY_MS)
    async with opened(tmp_path, clock) as log:
        await log.ensure_topics([long], 1)
        await log.append("long", [(0, record(b"kept for 90 days"))])
        await log.append("short", [(0, record(os.urandom(100_000))) for _ in range(20)])
        await write_a_day(log, clock, 1)
        assert size_of(tmp_path, 1) > 2_000_000
        assert await log.expire(11 * DAY_MS) == 0
        assert size_of(tmp_path, 1) < 100_000
        assert await values(log, "long") == [b"kept for 90 days"]
        assert await values(log, "short") == [b"day 1"]


async def test_a_tombstone_is_readable_after_a_roll_and_gone_a_day_later(tmp_path: Path) -> None:
    clock = ManualClock()
    async with opened(tmp_path, clock) as log:
        await log.append("state", [(0, record(b"x", b"deleted")), (0, record(b"y", b"living"))])
        clock.advance_to(DAY_MS - 1)
        await log.append("state", [(0, record(None, b"deleted"))])
        await write_a_day(log, clock, 1)
        assert (b"deleted", None) in [(stored.record.key, stored.record.value) for stored in await read_all(log, "state")]
        clock.advance_to(DAY_MS + TOMBSTONE_KEPT_MS + 1)
        await write_a_day(log, clock, 3)
        keys = [stored.record.key for stored in await read_all(log, "state")]
        assert keys == [b"living", b"same key"]


async def test_readers_of_another_process_s_log_follow_a_roll(tmp_path: Path) -> None:
    """Two logs on one directory share nothing but the files, as two processes do."""
    async with opened(tmp_path, segment_bytes=200_000) as writer, opened(tmp_path) as other:
        reader = await other.reader("short", 0, 0)
        seen: list[bytes | None] = []

        async def read() -> None:
            while len(seen) < 200:
                seen.extend(stored.record.value for stored in await reader.fetch(7, 5.0))

        reading = asyncio.create_task(read())
        written = [b"%d " % n + bytes(5000) for n in range(200)]
        for value in written:
            await writer.append("short", [(0, record(value))])
        await reading
        assert seen == written
        assert len(numbers(tmp_path)) > 3
        await other.append("short", [(0, record(b"written by the other after the rolls"))])
        assert await values(writer, "short", 0, 200) == [b"written by the other after the rolls"]


async def test_a_half_made_next_file_is_overwritten(tmp_path: Path) -> None:
    """What a process leaves that is killed between naming the next file and sealing the old one."""
    clock = ManualClock()
    async with opened(tmp_path, clock) as log:
        await write_a_day(log, clock, 0)
    (tmp_path / "segment-00000002.db").write_bytes((tmp_path / "segment-00000001.db").read_bytes())
    async with opened(tmp_path, clock) as log:
        await log.append("short", [(0, record(b"after the crash"))])
        await write_a_day(log, clock, 1)
        assert await values(log, "short") == [b"day 0", b"after the crash", b"day 1"]


APPENDER = """
import asyncio, sys
from pathlib import Path
from stream_processor.logs.embedded import EmbeddedLog
from stream_processor.logs.port import Record

async def main(directory, name):
    log = await EmbeddedLog.open(Path(directory))
    for n in range(1_000_000):
        await log.append("short", [(0, Record(name.encode(), b"%d" % n)), (0, Record(name.encode(), b"%d'" % n))])
        print(n, flush=True)

asyncio.run(main(*sys.argv[1:]))
"""


@contextmanager
def appender(directory: Path, name: str) -> Iterator[subprocess.Popen[str]]:
    """A process that appends pairs and says the number of each when its append has returned."""
    with subprocess.Popen([sys.executable, "-c", APPENDER, str(directory), name], stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


async def test_two_processes_append_and_a_killed_one_leaves_exactly_what_was_acknowledged(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        with appender(tmp_path, "one") as one, appender(tmp_path, "two") as two:
            assert one.stdout is not None
            assert two.stdout is not None
            said = {"one": [one.stdout.readline() for _ in range(30)], "two": [two.stdout.readline() for _ in range(30)]}
            for process in (one, two):
                process.send_signal(signal.SIGKILL)
            said["one"] += one.stdout.readlines()
            said["two"] += two.stdout.readlines()
        found = await read_all(log, "short")
        assert [stored.offset for stored in found] == list(range(len(found)))
        for name, lines in said.items():
            mine = [stored.record.value for stored in found if stored.record.key == name.encode()]
            pairs = [value for n in range(len(mine) // 2) for value in (b"%d" % n, b"%d'" % n)]
            assert mine == pairs  # in order, once each, whole appends only
            assert len(lines) <= len(pairs) // 2 <= len(lines) + 1  # one may be on disk and not yet said
        await log.append("short", [(0, record(b"life goes on"))])


@contextmanager
def no_file_may_grow_past(size: int) -> Iterator[None]:
    """The kernel refuses to let any file of this process grow: what a full disk is to a log."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_a_full_disk_is_unavailable_and_the_log_goes_on_when_there_is_space(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        await log.append("short", [(0, record(b"before"))])
        with no_file_may_grow_past(1_000_000):
            for _ in range(3):
                with pytest.raises(Unavailable, match="disk"):
                    await log.append("short", [(0, record(bytes(500_000))) for _ in range(4)])
        await log.append("short", [(0, record(b"after"))])
        assert await values(log, "short") == [b"before", b"after"]


async def test_a_full_disk_at_a_roll_does_not_lose_the_old_file(tmp_path: Path) -> None:
    clock = ManualClock()
    async with opened(tmp_path, clock) as log:
        await log.append("state", [(0, record(bytes(300_000), b"%d" % n)) for n in range(5)])
        clock.advance_to(DAY_MS)
        with no_file_may_grow_past(1_000_000), pytest.raises(Unavailable, match="disk"):
            await log.append("short", [(0, record(b"no room for the next file"))])
        await log.append("short", [(0, record(b"room again"))])
        assert await values(log, "short") == [b"room again"]
        assert len(await values(log, "state")) == 5


async def test_a_directory_that_is_no_place_for_a_log_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a directory")
    with pytest.raises(Unavailable) as told:
        await EmbeddedLog.open(tmp_path / "file")
    assert "\n" not in str(told.value)
    (tmp_path / "segment-00000001.db").write_bytes(b"something else entirely" * 100)
    with pytest.raises(Unavailable, match="is not a log"):
        await EmbeddedLog.open(tmp_path)


async def test_a_file_of_another_version_is_refused(tmp_path: Path) -> None:
    async with opened(tmp_path):
        pass
    db = sqlite3.connect(tmp_path / "segment-00000001.db")
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(Unavailable, match="format 99"):
        await EmbeddedLog.open(tmp_path)


async def test_a_closed_log_says_so(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        pass
    with pytest.raises(Unavailable, match="closed"):
        await log.append("short", [(0, record(b"too late"))])
    with pytest.raises(Unavailable, match="closed"):
        await log.bounds("short", 0)
