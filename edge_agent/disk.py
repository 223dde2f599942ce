"""One thread for the outbox's files, so that an fsync of 100 ms never holds the event loop and nothing needs a lock."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Disk:
    """Calls, one after the other, on a thread of their own."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="outbox")

    async def __call__(self, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """`function(…)` on the thread. A call that has begun is finished even when the waiting task is cancelled."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, functools.partial(function, *args, **kwargs))

    def close(self) -> None:
        """Finish what was begun."""
        self._thread.shutdown(wait=True)
