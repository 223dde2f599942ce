"""A child process: messages both ways, a death that is reported, and an end with its parent."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator

import pytest

from city_model.child import Child, ChildDied


@pytest.fixture
async def echo() -> AsyncIterator[Child]:
    child = Child("tests.edge.children:echo", {"camera": "c1"})
    await child.start()
    yield child
    await child.stop()


async def test_messages_go_both_ways(echo: Child) -> None:
    assert await echo.receive() == {"camera": "c1"}
    await echo.send([1, "ô tô", b"\x00jpeg"])
    assert await echo.receive() == [1, "ô tô", b"\x00jpeg"]


async def test_a_function_that_returns_is_an_end_with_code_0(echo: Child) -> None:
    await echo.receive()
    await echo.send(None)
    with pytest.raises(ChildDied) as died:
        await echo.receive()
    assert died.value.exit_code == 0


async def test_an_abort_in_the_child_is_reported_and_leaves_the_parent_alive() -> None:
    child = Child("tests.edge.children:abort", None)
    await child.start()
    with pytest.raises(ChildDied) as died:
        await child.receive()
    assert died.value.exit_code == -signal.SIGABRT
    await child.stop()


async def test_a_hanging_child_is_stopped_and_stopping_twice_is_fine() -> None:
    child = Child("tests.edge.children:hang", None)
    await child.start()
    pid = await child.receive()
    await child.stop()
    await child.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


_PARENT = """
import asyncio, os, signal
from city_model.child import Child
async def main():
    child = Child("tests.edge.children:hang", None)
    await child.start()
    print(await child.receive(), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""


async def test_a_hanging_child_ends_when_its_parent_is_killed() -> None:
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", _PARENT, stdout=asyncio.subprocess.PIPE)
    out, _ = await asyncio.wait_for(parent.communicate(), 20)  # ends when both have closed stdout: the parent and the child
    assert int(out) > 0
