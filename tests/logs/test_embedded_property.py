"""Whatever is appended in whatever pieces, over rolls and openings, is read back in order, whatever pieces it is read in."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from city_model.clock import ManualClock
from city_model.topics import LogTopic
from stream_processor.logs.embedded import EmbeddedLog, Settings
from stream_processor.logs.port import Record

REOPEN, ROLL = "reopen", "roll"
records = st.builds(
    Record,
    key=st.binary(max_size=8),
    value=st.none() | st.binary(max_size=50),
    headers=st.lists(st.tuples(st.text(max_size=5), st.binary(max_size=5)), max_size=3).map(tuple),
    at_ms=st.integers(-(2**63), 2**63 - 1),
)
steps = st.lists(st.sampled_from([REOPEN, ROLL]) | st.lists(st.tuples(st.integers(0, 2), records), max_size=4), max_size=8)


@settings(max_examples=25, deadline=None)
@given(steps=steps, most=st.integers(1, 5), start=st.integers(0, 6))
def test_what_goes_in_comes_out(steps: list[str | list[tuple[int, Record]]], most: int, start: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(play(Path(directory), steps, most, start))


async def play(directory: Path, steps: list[str | list[tuple[int, Record]]], most: int, start: int) -> None:
    clock = ManualClock()
    expected: list[list[Record]] = [[], [], []]
    log = await EmbeddedLog.open(directory, Settings(), clock)
    await log.ensure_topics([LogTopic("t", None)], 3)
    for step in steps:
        if step == REOPEN:
            await log.close()
            log = await EmbeddedLog.open(directory, Settings(), clock)
        elif step == ROLL:
            clock.advance_to(clock.now_ms() + Settings().segment_ms)
        elif not isinstance(step, str):
            await log.append("t", step)
            for partition, record in step:
                expected[partition].append(record)
    for partition, written in enumerate(expected):
        reader = await log.reader("t", partition, start)
        found: list[Record] = []
        while part := await reader.fetch(most, 0.0):
            assert len(part) <= most
            found += [stored.record for stored in part]
        assert found == written[start:]
        assert await log.bounds("t", partition) == (0, len(written))
    await log.close()
