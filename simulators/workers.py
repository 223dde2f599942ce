"""Engine workers as processes of their own: started, watched through what they announce, and killed where a scenario says so."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from city_model.faults import Unavailable


@dataclass(slots=True)
class Workers:
    """`saola stream` processes. `owner` says who took which partition over last, `take_overs` how often that happened."""

    city_path: Path
    log_url: str
    directory: Path
    processes: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)
    owner: dict[int, str] = field(default_factory=dict)
    take_overs: int = 0
    killed: str = ""
    _listeners: list[asyncio.Task[None]] = field(default_factory=list)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def start(self, names: list[str], partitions: int) -> None:
        """Start them and wait until every partition has an owner and each worker its share. Raises Unavailable when one dies."""
        for name in names:
            log = (self.directory / f"{name}.log").open("ab")
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "city_model", "stream", "--city", str(self.city_path), "--log", self.log_url,
                "--member", name, "--ticks", "external", "--announce",
                stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=log,
            )  # fmt: skip
            log.close()
            self.processes[name] = process
            self._listeners.append(asyncio.create_task(self._listen(name, process)))
        try:
            async with asyncio.timeout(60):
                while not self._is_shared_out(names, partitions):
                    self._changed.clear()
                    await self._changed.wait()
                    self.check()
        except TimeoutError:
            raise Unavailable(f"workers: not every partition found an owner within 60 s: {self.owner}; see {self.directory}") from None

    def _is_shared_out(self, names: list[str], partitions: int) -> bool:
        """A worker that starts first has everything for a moment, and hands its partitions over one by one."""
        owned = Counter(self.owner.values())
        return len(self.owner) == partitions and all(owned[name] >= partitions // len(names) for name in names)

    async def _listen(self, name: str, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            partition = int(json.loads(line)["partition"])
            self.owner[partition] = name
            self.take_overs += 1
            self._changed.set()
        self._changed.set()

    def check(self) -> None:
        """Raise Unavailable when a worker that was not killed has ended."""
        for name, process in self.processes.items():
            if process.returncode is not None and name != self.killed:
                raise Unavailable(f"worker {name} ended with {process.returncode}; see {self.directory / name}.log")

    async def kill(self, name: str) -> None:
        """SIGKILL, as a power cut would."""
        self.killed = name
        self.processes[name].kill()
        await self.processes[name].wait()

    async def stop(self) -> None:
        """SIGTERM to each by its own pid; SIGKILL to what does not end."""
        for process in self.processes.values():
            with suppress(ProcessLookupError):
                process.terminate()
        for process in self.processes.values():
            try:
                await asyncio.wait_for(process.wait(), 10)
            except TimeoutError:
                process.kill()
                await process.wait()
        await asyncio.gather(*self._listeners, return_exceptions=True)
