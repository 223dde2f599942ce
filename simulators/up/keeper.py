"""Keeps one service running: what dies is started again after a pause that doubles, and is short again once it has lived for a while."""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from simulators.up.services import Service

FIRST_PAUSE_S, LONGEST_PAUSE_S, LIVED_S = 0.5, 30.0, 60.0
_STOP_WITHIN_S = 15.0
_LOG_BYTES = 20_000_000


class Keeper:
    """`run` keeps the service running until cancelled, then ends it. `say` hears what happens, in a sentence."""

    def __init__(self, service: Service, logs: Path, say: Callable[[str, str], None]) -> None:
        self.service = service
        self.restarts = 0
        self.process: asyncio.subprocess.Process | None = None
        self._log = logs / f"{service.name}.log"
        self._say = say

    @property
    def pid(self) -> int:
        """Process id; 0 while it does not run."""
        return self.process.pid if self.process is not None and self.process.returncode is None else 0

    async def run(self) -> None:
        """Start, wait, start again. Cancel it to end the service: SIGTERM, and SIGKILL when it takes too long."""
        pause_s = FIRST_PAUSE_S
        try:
            while True:
                begun_s = time.monotonic()
                code = await (await self._start()).wait()
                pause_s = FIRST_PAUSE_S if time.monotonic() - begun_s > LIVED_S else pause_s
                wait_s = pause_s * random.uniform(0.75, 1.25)
                self.restarts += 1
                self._say(self.service.name, f"ended with {code}, again in {wait_s:.1f} s: {self.last_words()}")
                await asyncio.sleep(wait_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        finally:
            await self._end()

    def last_words(self) -> str:
        """The last line of the service's log."""
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines() if self._log.exists() else []
        return f"{lines[-1][:300]} ({self._log})" if lines else f"nothing was logged ({self._log})"

    async def _start(self) -> asyncio.subprocess.Process:
        if self._log.exists() and self._log.stat().st_size > _LOG_BYTES:
            self._log.replace(self._log.with_suffix(".log.1"))
        with self._log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "city_model", *self.service.arguments,
                stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,  # Ctrl-C goes to us, and we end it in order
            )  # fmt: skip
        return self.process

    async def _end(self) -> None:
        process = self.process
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _STOP_WITHIN_S)
        except TimeoutError:
            self._say(self.service.name, f"did not end within {_STOP_WITHIN_S:.0f} s and was killed")
            process.kill()
            await process.wait()
