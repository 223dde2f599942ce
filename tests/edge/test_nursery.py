"""Forked children: they keep every promise of a child that was started by itself, and outlive neither their parent nor a kill."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from city_model.child import Child, ChildDied
from city_model.faults import Unavailable
from city_model.nursery import Nursery


@pytest.fixture
async def nursery() -> AsyncIterator[Nursery]:
    opened = Nursery(("tests.edge.children",), {"SAOLA_TEST_WORD": "heard"})
    yield opened
    await opened.close()


async def started(nursery: Nursery, target: str, argument: object = None) -> Child:
    child = Child(f"tests.edge.children:{target}", argument, nursery=nursery)
    await child.start()
    return child


async def test_messages_go_both_ways_and_a_return_is_an_end_with_code_0(nursery: Nursery) -> None:
    child = await started(nursery, "echo", {"camera": "c1"})
    assert await child.receive() == {"camera": "c1"}
    await child.send([1, "ô tô", b"\x00jpeg"])
    assert await child.receive() == [1, "ô tô", b"\x00jpeg"]
    await child.send(None)
    with pytest.raises(ChildDied) as died:
        await child.receive()
    assert died.value.exit_code == 0
    await child.stop()


async def test_children_come_fast_once_the_first_has_come_and_each_is_a_process(nursery: Nursery) -> None:
    first = await started(nursery, "hang")
    await first.receive()
    before_s = time.process_time()
    others = await asyncio.gather(*(started(nursery, "hang") for _ in range(10)))
    pids = [await child.receive() for child in others]
    assert time.process_time() - before_s < 0.5
    assert pids == [child.pid for child in others]
    assert len({*pids, first.pid, os.getpid()}) == 12
    for child in (first, *others):
        await child.stop()
        await child.stop()
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


async def test_an_abort_takes_no_brother_along_and_the_environment_is_the_nurserys(nursery: Nursery) -> None:
    brother = await started(nursery, "environment", "SAOLA_TEST_WORD")
    assert await brother.receive() == "heard"
    child = await started(nursery, "abort")
    with pytest.raises(ChildDied) as died:
        await child.receive()
    assert died.value.exit_code == -signal.SIGABRT
    await brother.send("OPENBLAS")
    assert await brother.receive() == ""
    await brother.stop()
    await child.stop()


async def test_an_exception_is_exit_code_1_with_its_traceback(nursery: Nursery, capfd: pytest.CaptureFixture[str]) -> None:
    child = await started(nursery, "nothing_of_this_name")
    with pytest.raises(ChildDied) as died:
        await child.receive()
    assert died.value.exit_code == 1
    assert "has no attribute 'nothing_of_this_name'" in capfd.readouterr().err
    await child.stop()


async def test_a_nursery_that_was_killed_is_started_again_and_what_it_had_is_called_dead(nursery: Nursery) -> None:
    child = await started(nursery, "hang")
    pid = await child.receive()
    assert nursery.pid is not None
    os.kill(nursery.pid, signal.SIGKILL)
    again = await _started_again(nursery)
    assert await again.receive() == again.pid
    await again.stop()
    await child.stop()  # nobody can bury it now, but its connection is closed and so it ends by itself
    while _lives(pid):
        await asyncio.sleep(0.01)


async def _started_again(nursery: Nursery) -> Child:
    while True:
        try:
            return await started(nursery, "hang")
        except Unavailable:  # it has not been noticed yet
            await asyncio.sleep(0.01)


def _lives(pid: int) -> bool:
    """Whether it runs; one that nobody buries does not."""
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except FileNotFoundError:
        return False


async def test_a_nursery_that_cannot_import_is_unavailable() -> None:
    broken = Nursery(("tests.edge.no_such_module",))
    with pytest.raises(Unavailable):
        await started(broken, "echo")
    await broken.close()


_PARENT = """
import asyncio, os, signal
from city_model.child import Child
from city_model.nursery import Nursery
async def main():
    child = Child("tests.edge.children:hang", None, nursery=Nursery(("tests.edge.children",)))
    await child.start()
    print(await child.receive(), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""


async def test_nursery_and_children_end_when_their_parent_is_killed() -> None:
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", _PARENT, stdout=asyncio.subprocess.PIPE)
    out, _ = await asyncio.wait_for(parent.communicate(), 20)  # ends when all three have closed stdout
    assert int(out) > 0
