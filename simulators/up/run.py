"""The run: servers, topics, services one after the other; then watching, until told to stop; then all of it down in order."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from broker_config.render import render_access
from broker_config.running import reload_broker
from city_model.faults import ConfigError, Unavailable
from city_model.topics import DEFAULT_PARTITIONS, LOG_TOPICS
from simulators.up.asking import why_not_ready
from simulators.up.keeper import FIRST_PAUSE_S, LONGEST_PAUSE_S, Keeper
from simulators.up.plan import Plan, Ports
from simulators.up.platform import write_registry
from simulators.up.servers import Server, broker_settings, check_installed, start_servers
from simulators.up.services import names, services
from stream_processor.logs.open import open_log

READY_WITHIN_S = 90.0
_LOOK_S = 0.5
Say = Callable[[str, str], None]


@dataclass(slots=True)
class Running:
    """Everything that is up."""

    plan: Plan
    say: Say
    servers: list[Server] = field(default_factory=list)
    keepers: list[Keeper] = field(default_factory=list)
    registry_ms: int = 0

    def facts(self) -> dict[str, Any]:
        """For machines: addresses, status ports and process ids."""
        return {
            "profile": self.plan.profile,
            "servers": {s.name: {"where": s.where, "pid": s.process.pid if s.process else 0} for s in self.servers},
            "services": {
                k.service.name: {"status_port": k.service.status_port, "pid": k.pid, "where": k.service.where, "restarts": k.restarts}
                for k in self.keepers
            },
        }


async def run_up(plan: Plan, stop: asyncio.Event, say: Say, ready: Callable[[Running], None]) -> None:
    """Run the plan until `stop`; `ready` is called once everything is. Raises ConfigError or Unavailable when it cannot be started."""
    plan.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    (plan.data / "logs").mkdir(exist_ok=True)
    with _alone(plan.data):
        check_installed(plan)
        copy, running = plan.data / "city.toml", Running(plan, say)
        city = write_registry(plan.city_path, copy, names(plan))
        running.registry_ms = _changed_at(plan.city_path)
        ports = Ports(plan.data / "ports.json")
        async with AsyncExitStack() as stack:
            stack.push_async_callback(_stop_servers, running)

            def started(server: Server) -> None:
                running.servers.append(server)
                say(server.name, f"{server.where}{f' (process {server.process.pid})' if server.process else ''}")

            servers = await asyncio.to_thread(start_servers, plan, city, ports, started)
            await _make_topics(servers.log_url, plan, say)
            running.keepers = [Keeper(one, plan.data / "logs", say) for one in services(plan, copy, servers, ports)]
            tasks: list[asyncio.Task[None]] = []
            stack.push_async_callback(_cancel, tasks)
            for part in (running.keepers[:-1], running.keepers[-1:]):  # the canary last: before the bridge listens nothing can come through
                tasks += [asyncio.create_task(keeper.run(), name=keeper.service.name) for keeper in part]
                await _until_ready(running, part, stop)
            if not stop.is_set():
                ready(running)
                await _watch(running, stop)
            say("up", "stopping")


@contextmanager
def _alone(data: Path) -> Iterator[None]:
    """Two on one directory would fight over its ports and files."""
    with (data / "up.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as err:
            raise Unavailable(f"{data}: another `saola up` runs here; end it or choose another --data") from err
        yield


async def _make_topics(log_url: str, plan: Plan, say: Say) -> None:
    """As broker.toml has it; a given Kafka keeps the partitions it has."""
    partitions = broker_settings(plan).kafka.partitions if plan.city_profile else DEFAULT_PARTITIONS
    event_log = await open_log(log_url)
    try:
        await event_log.ensure_topics(LOG_TOPICS, partitions)
    finally:
        await event_log.close()


async def _until_ready(running: Running, part: list[Keeper], stop: asyncio.Event) -> None:
    """Wait until each service says that it is ready. Raises Unavailable with the reasons of those that do not in time."""
    deadline_s = time.monotonic() + READY_WITHIN_S
    waiting = {keeper.service.name: keeper for keeper in part}
    reasons: dict[str, list[str]] = {}
    while waiting and not stop.is_set():
        for name, keeper in list(waiting.items()):
            reasons[name] = await why_not_ready(keeper.service.status_port)
            if not reasons[name]:
                del waiting[name]
                where = keeper.service.where or f"status http://127.0.0.1:{keeper.service.status_port}/metrics"
                running.say(name, f"ready, {where} (process {keeper.pid})")
        if time.monotonic() > deadline_s:
            told = "; ".join(f"{name}: {', '.join(reasons[name])}; {keeper.last_words()}" for name, keeper in waiting.items())
            raise Unavailable(f"not ready within {READY_WITHIN_S:.0f} s: {told}")
        await _pause(stop, 0.2)


async def _watch(running: Running, stop: asyncio.Event) -> None:
    """Servers that die are started again; a changed registry is told to everyone."""
    due_s: dict[str, float] = {}
    pause_s: dict[str, float] = {}
    while not stop.is_set():
        for server in running.servers:
            if server.process is None or server.again is None or server.process.is_running:
                continue
            if server.name not in due_s:
                pause_s[server.name] = min(2 * pause_s.get(server.name, FIRST_PAUSE_S / 2), LONGEST_PAUSE_S)
                due_s[server.name] = time.monotonic() + pause_s[server.name] * random.uniform(0.75, 1.25)
                running.say(server.name, f"died, again in {due_s[server.name] - time.monotonic():.1f} s")
            elif time.monotonic() >= due_s[server.name]:
                del due_s[server.name]
                await _start_again(server, running.say)
        if (changed := _changed_at(running.plan.city_path)) not in (0, running.registry_ms):
            running.registry_ms = changed
            await asyncio.to_thread(_tell_registry, running)
        await _pause(stop, _LOOK_S)


async def _start_again(server: Server, say: Say) -> None:
    assert server.again is not None
    try:
        server.process = await asyncio.to_thread(server.again)
    except Unavailable as err:
        say(server.name, str(err))
    else:
        say(server.name, f"runs again (process {server.process.pid})")


def _tell_registry(running: Running) -> None:
    """The copy, then passwords and access of a broker of ours; bridge and broker read them again, workers at their next start."""
    plan = running.plan
    try:
        city = write_registry(plan.city_path, plan.data / "city.toml", names(plan))
    except ConfigError as err:
        running.say("registry", f"changed, but is not used: {err.problems[0]}")
        return
    if not plan.mqtt_url:
        render_access(city, broker_settings(plan), plan.data / "broker")
        reload_broker(plan.data / "broker")
    running.say("registry", "changed; bridge and broker have it, page and workers at their next start")


async def _stop_servers(running: Running) -> None:
    for server in reversed(running.servers):
        if server.process is not None:
            await asyncio.to_thread(server.process.stop)


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return


def _changed_at(path: Path) -> int:
    try:
        return os.stat(path).st_mtime_ns // 1_000_000
    except FileNotFoundError:
        return 0  # an editor is between two files


def to_json(running: Running) -> str:
    """The facts on one line."""
    return json.dumps({"event": "ready", **running.facts()})
