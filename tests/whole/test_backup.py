"""Backup and restore: taken while everything writes, whole or not at all; and a data directory of an older version opens."""

from __future__ import annotations

import asyncio
import io
import json
import os
import sqlite3
import sys
import tarfile
import time
from pathlib import Path

import numpy as np
import pytest

from city_model.faults import Rejected, Unavailable
from city_model.topics import ALARMS, INPUTS, LOG_TOPICS, OBSERVATIONS
from dashboards.console.accounts import Accounts
from simulators.backup import MANIFEST, back_up, restore
from stream_processor.logs.embedded import EmbeddedLog, Settings
from stream_processor.logs.port import Output, Record
from stream_processor.stores.embedded import EmbeddedStore
from stream_processor.stores.port import Points

OLDER = Path(__file__).parent / "older"
START_MS = 1_790_000_040_000


def minute(n: int) -> Points:
    one = np.zeros(1, np.uint16)
    return Points(("air-1/pm25",), one, np.array([START_MS + n * 60_000]), np.array([float(n)]), np.zeros(1, np.uint8))


async def read(event_log: EmbeddedLog, topic: str) -> list[bytes]:
    reader = await event_log.reader(topic, 0, 0)
    rows = []
    while reader.position < (await event_log.bounds(topic, 0))[1]:
        rows += await reader.fetch(100_000, wait_s=0.0)
    await reader.close()
    return [row.record.value or b"" for row in rows]


async def small_city(data: Path) -> None:
    """Log, store, accounts and a credentials file."""
    event_log = await EmbeddedLog.open(data / "log")
    await event_log.ensure_topics(LOG_TOPICS, 2)
    await event_log.append(INPUTS, [(0, Record(b"area", b"first"))])
    await event_log.close()
    EmbeddedStore(data / "series.db").close()
    accounts = Accounts(data / "console")
    accounts.add("mai", "viewer")
    accounts.audit.write(START_MS, "shell:", "user_added", user="mai")
    accounts.close()
    (data / "city.toml").write_text('name_vi = "Thử"\nname_en = "Test"\n')
    (data / "broker").mkdir()
    os.close(os.open(data / "broker" / "bridge.toml", os.O_CREAT | os.O_WRONLY, 0o600))


async def test_a_backup_taken_while_log_and_store_are_written_is_of_one_piece(tmp_path: Path) -> None:
    data = tmp_path / "data"
    await small_city(data)
    event_log = await EmbeddedLog.open(data / "log", Settings(segment_bytes=60_000))  # rolls several times meanwhile
    store = EmbeddedStore(data / "series.db")
    stop, written = asyncio.Event(), 0

    async def work() -> None:
        """What the sink does: first the point, then its offset."""
        nonlocal written
        owner = await event_log.own("sink", OBSERVATIONS, 0)
        while not stop.is_set():
            await event_log.append(INPUTS, [(0, Record(b"area", b"x" * 2_000))])
            await asyncio.to_thread(store.write, minute(written))
            written += 1
            await owner.commit([Output(OBSERVATIONS, Record(b"k", b"%d" % written))], written)
        await owner.close()

    working = asyncio.create_task(work())
    end_s = time.monotonic() + 30
    while written < 20 and time.monotonic() < end_s:
        await asyncio.sleep(0.01)
    backing = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "city_model", "backup", "--data", str(data), "--to", str(tmp_path / "b.tar.gz"), "--json",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, _ = await backing.communicate()
    at_backup = written
    stop.set()
    await working
    await event_log.close()
    store.close()
    assert at_backup > 20
    assert backing.returncode == 0
    assert json.loads(said)["left_out"] == []
    assert len(list((data / "log").glob("segment-*.db"))) > 1
    assert (tmp_path / "b.tar.gz").stat().st_mode & 0o777 == 0o600

    restore(tmp_path / "b.tar.gz", tmp_path / "again")
    again = await EmbeddedLog.open(tmp_path / "again" / "log")
    owner = await again.own("sink", OBSERVATIONS, 0)
    committed = await owner.committed()
    assert committed is not None
    assert 20 <= committed <= at_backup
    assert await read(again, OBSERVATIONS) == [b"%d" % (n + 1) for n in range(committed)]
    assert len(await read(again, INPUTS)) in (committed + 1, committed + 2)
    with_store = EmbeddedStore(tmp_path / "again" / "series.db")
    at_ms, values = with_store.raw("air-1/pm25", START_MS, START_MS + 10**9)
    assert values.tolist()[:committed] == [float(n) for n in range(committed)]
    assert len(at_ms) >= committed
    await again.append(INPUTS, [(0, Record(b"area", b"goes on"))])
    await owner.close()
    await again.close()
    with_store.close()
    accounts = Accounts(tmp_path / "again" / "console")
    assert [user.name for user in accounts.users()] == ["mai"]
    assert accounts.audit.verify() == (1, "")
    accounts.close()
    assert (tmp_path / "again" / "broker" / "bridge.toml").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "again" / "city.toml").read_text() == (data / "city.toml").read_text()


async def test_a_backup_replaces_nothing_and_a_restore_neither(tmp_path: Path) -> None:
    await small_city(tmp_path / "data")
    (tmp_path / "data" / "kafka").mkdir()
    (tmp_path / "data" / "kafka" / "big").write_text("not ours")
    kept = back_up(tmp_path / "data", tmp_path / "b", START_MS)
    assert kept.left_out == ("Kafka's own data",)
    with pytest.raises(Unavailable, match="replaces nothing"):
        back_up(tmp_path / "data", tmp_path / "b", START_MS)
    with pytest.raises(Unavailable, match="holds something"):
        restore(tmp_path / "b", tmp_path / "data")
    with pytest.raises(Unavailable, match="is no data directory"):
        back_up(tmp_path / "nowhere", tmp_path / "c", START_MS)
    (tmp_path / "empty").mkdir()
    restore(tmp_path / "b", tmp_path / "empty")
    assert not (tmp_path / "empty" / "kafka").exists()


def repacked(source: Path, to: Path, change: object) -> None:
    with tarfile.open(source) as old, tarfile.open(to, "w:gz") as new:
        for entry in old:
            file = old.extractfile(entry)
            assert file is not None
            content = change(entry, file.read())  # type: ignore[operator]  # a test's own function
            if content is not None:
                entry.size = len(content)
                new.addfile(entry, io.BytesIO(content))


async def test_a_damaged_backup_restores_nothing(tmp_path: Path) -> None:
    await small_city(tmp_path / "data")
    back_up(tmp_path / "data", tmp_path / "b", START_MS)
    whole = (tmp_path / "b").read_bytes()
    (tmp_path / "cut").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "none").write_bytes(b"hello")

    def changed(entry: tarfile.TarInfo, content: bytes) -> bytes:
        return content + b"#" if entry.name == "city.toml" else content

    def missing(entry: tarfile.TarInfo, content: bytes) -> bytes | None:
        return None if entry.name == "city.toml" else content

    def outside(entry: tarfile.TarInfo, content: bytes) -> bytes:
        entry.name = "../evil" if entry.name == "city.toml" else entry.name
        return content

    def newer(entry: tarfile.TarInfo, content: bytes) -> bytes:
        return json.dumps({**json.loads(content), "format": 99}).encode() if entry.name == MANIFEST else content

    for number, change in enumerate((changed, missing, outside, newer)):
        repacked(tmp_path / "b", tmp_path / f"r{number}", change)
    for name in ("cut", "none", "r0", "r1", "r2", "r3"):
        with pytest.raises(Rejected, match="bad_backup"):
            restore(tmp_path / name, tmp_path / "again")
        assert not (tmp_path / "again").exists()
        assert not (tmp_path / "evil").exists()


def older(tmp_path: Path) -> Path:
    """A data directory as an earlier commit of this program left it, from the dumps of its files."""
    data = tmp_path / "data"
    for dump, file in (("log", "log/segment-00000001.db"), ("series", "series.db"), ("console", "console/console.db")):
        path = data / file
        path.parent.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(path)
        db.executescript((OLDER / f"{dump}.sql").read_text(encoding="utf-8"))
        db.close()
    return data


async def test_a_data_directory_of_an_older_version_opens_and_goes_on(tmp_path: Path) -> None:
    data = older(tmp_path)
    event_log = await EmbeddedLog.open(data / "log")
    await event_log.ensure_topics(LOG_TOPICS, 2)
    assert await read(event_log, INPUTS) == [b"input 0", b"input 2", b"input 4"]
    assert await read(event_log, ALARMS) == [b"second"]
    owner = await event_log.own("engine", INPUTS, 0)
    assert await owner.committed() == 2
    await owner.commit([Output(OBSERVATIONS, Record(b"k", b"more"))], 3)
    assert await read(event_log, OBSERVATIONS) == [b"observation", b"more"]
    await owner.close()
    await event_log.close()
    store = EmbeddedStore(data / "series.db")
    store.write(minute(5))
    assert store.raw("air-1/pm25", START_MS, START_MS + 10**9)[1].tolist() == [0.0, 10.0, 20.0, 30.0, 40.0, 5.0]
    assert sum(bucket.count for bucket in store.rollup("air-1/pm25", START_MS, START_MS + 10**7, 60_000)) == 6
    store.close()
    accounts = Accounts(data / "console")
    assert [(user.name, user.role) for user in accounts.users()] == [("mai", "viewer")]
    assert [entry.what for entry in accounts.audit.entries()] == ["user_added"]
    accounts.close()
