"""A whole city running: broker (Mosquitto when installed, in process otherwise), bridge, log, sink, store, and engines.

Demo, scenarios and benchmarks all stand on it, so what they show is what the services do: the same loops, wired by arguments.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from broker_config.acl import BRIDGE
from broker_config.kafka import KafkaServer
from broker_config.mosquitto import start_for_city
from broker_config.render import CREDENTIALS
from city_model.clock import Clock
from city_model.faults import Unavailable
from city_model.registry import City
from city_model.topics import ALARM_EVENTS, DEFAULT_PARTITIONS, INPUTS, LOG_TOPICS
from city_model.transport.local import LocalBroker
from city_model.transport.open import make_transport
from city_model.transport.port import Transport
from stream_processor.bridge import BridgeCounts, run_bridge
from stream_processor.bridge_registry import RegistryFile
from stream_processor.core.settings import CoreSettings
from stream_processor.engine import Engine, EngineSettings, tick_event
from stream_processor.logs.open import open_log
from stream_processor.logs.port import EventLog
from stream_processor.logs.records import to_record
from stream_processor.sink import ALARM_GROUP, SinkCounts, run_sink
from stream_processor.stores.open import open_store
from stream_processor.stores.port import SeriesStore

Broker = Literal["auto", "mosquitto", "local"]


@dataclass(slots=True)
class RunningCity:
    """What runs, and the way to reach it. `stood_in` says, for each server of the city profile, what serves here."""

    city: City
    city_path: Path
    directory: Path
    clock: Clock
    log: EventLog
    log_url: str
    store: SeriesStore
    store_url: str
    connect: Callable[[str], Transport]
    stood_in: dict[str, str]
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    bridge: BridgeCounts = field(default_factory=BridgeCounts)
    sink: SinkCounts = field(default_factory=SinkCounts)
    engine: Engine | None = None
    tasks: list[asyncio.Task[Any]] = field(default_factory=list)

    def start(self, name: str, work: Coroutine[Any, Any, object]) -> None:
        """Run a service until the city stops; what it dies of is raised by `check`."""
        self.tasks.append(asyncio.create_task(work, name=name))

    def start_engine(self, core: CoreSettings, settings: EngineSettings) -> None:
        """An engine in this process (worker processes are the scenario's business)."""
        self.engine = Engine(self.log, self.city, core, self.clock, settings)
        self.start("engine", self.engine.run("in-process", self.stop))

    def check(self) -> None:
        """Raise what a service died of, if one did."""
        for task in self.tasks:
            if task.done() and not task.cancelled() and (error := task.exception()) is not None:
                raise error

    async def tick(self, at_ms: int) -> None:
        """The scenario's clock writes time into every partition of `inputs`."""
        record = to_record(tick_event(at_ms, "scenario"))
        await self.log.append(INPUTS, [(p, record) for p in range(await self.log.partitions(INPUTS))])

    async def close(self) -> None:
        """Stop the services; bridge, sink and engine give their places up in order."""
        self.stop.set()
        if not self.tasks:
            return
        _, late = await asyncio.wait(self.tasks, timeout=10)
        for task in late:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


@asynccontextmanager
async def open_city(
    city_path: Path, city: City, directory: Path, clock: Clock, *, broker: Broker = "auto", kafka: bool | str = False, mqtt_url: str = ""
) -> AsyncIterator[RunningCity]:
    """A city with bridge and sink running. `kafka`: False for the embedded log, True to start one, a URL to use that one."""
    async with AsyncExitStack() as stack:
        stood_in: dict[str, str] = {}
        connect = _connect_to(await _broker(stack, city, directory, broker, mqtt_url, stood_in))
        log_url = await _log_url(stack, directory, kafka, stood_in)
        log = await open_log(log_url)
        stack.push_async_callback(log.close)
        await log.ensure_topics(LOG_TOPICS, DEFAULT_PARTITIONS)
        store_url = f"sqlite:{directory / 'series.db'}"
        store = open_store(store_url)
        stack.callback(store.close)
        stood_in["influxdb"] = "embedded SQLite series store"
        running = RunningCity(city, city_path, directory, clock, log, log_url, store, store_url, connect, stood_in)
        stack.push_async_callback(running.close)
        ready = asyncio.Event()
        running.start(
            "bridge", run_bridge(connect(BRIDGE), log, RegistryFile(city_path), clock, running.stop, counts=running.bridge, ready=ready)
        )
        await ready.wait()  # what is published before the first subscription reaches nobody
        running.start("sink", run_sink(log, store, running.stop, running.sink))
        running.start("sink-alarms", run_sink(log, store, running.stop, group=ALARM_GROUP, topic=ALARM_EVENTS))
        yield running


async def _broker(
    stack: AsyncExitStack, city: City, directory: Path, broker: Broker, mqtt_url: str, stood_in: dict[str, str]
) -> LocalBroker | tuple[str, Path]:
    credentials = directory / "broker" / CREDENTIALS
    if mqtt_url:
        stood_in["mosquitto"] = f"given: {mqtt_url}"
        return mqtt_url, credentials
    if broker != "local":
        try:
            server = await asyncio.to_thread(start_for_city, city, directory / "broker")
        except Unavailable:
            if broker == "mosquitto":
                raise
        else:
            stack.callback(server.stop)
            stood_in["mosquitto"] = f"Mosquitto itself, {server.url}"
            return server.url, credentials
    stood_in["mosquitto"] = "in-process transport (Mosquitto is not installed)" if broker == "auto" else "in-process transport"
    return LocalBroker()


def _connect_to(broker: LocalBroker | tuple[str, Path]) -> Callable[[str], Transport]:
    if isinstance(broker, LocalBroker):
        return broker.client
    url, credentials = broker
    return lambda user: make_transport(url, credentials / f"{user}.toml")


async def _log_url(stack: AsyncExitStack, directory: Path, kafka: bool | str, stood_in: dict[str, str]) -> str:
    if isinstance(kafka, str):
        stood_in["kafka"] = f"given: {kafka}"
        return kafka
    if not kafka:
        stood_in["kafka"] = "embedded SQLite log"
        return f"sqlite:{directory / 'log'}"
    server = await asyncio.to_thread(KafkaServer.start, directory / "kafka")
    stack.callback(server.stop)
    stood_in["kafka"] = f"Kafka itself, {server.url}"
    return server.url
