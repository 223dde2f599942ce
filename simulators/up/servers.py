"""The servers of a profile: started where they are installed, found where a URL is given; each knows how to start again."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from broker_config.influx import InfluxServer, find_influxd
from broker_config.kafka import KafkaServer, fetch_jars, find_java
from broker_config.mosquitto import MosquittoServer, find_mosquitto
from broker_config.render import CONF, CREDENTIALS, render
from broker_config.settings import BrokerSettings, Mqtt, load_settings
from city_model.faults import ConfigError, Problem, Unavailable
from city_model.registry import City
from simulators.up.plan import Plan, Ports
from stream_processor.stores.influx_file import InfluxFile, load_influx_file
from stream_processor.stores.influx_setup import ADMIN, READ, WRITE, first_time, set_up
from stream_processor.stores.keep import Keep


class Process(Protocol):
    """What the three servers have in common."""

    @property
    def pid(self) -> int: ...

    @property
    def is_running(self) -> bool: ...

    def stop(self) -> None: ...


@dataclass(slots=True)
class Server:
    """One server. `process` None: it was given, or a file does its work; then `again` is None too."""

    name: str
    where: str
    process: Process | None = None
    again: Callable[[], Process] | None = None


@dataclass(frozen=True, slots=True)
class Servers:
    """What services are told: addresses, the folder of credentials, and the store to write and to read."""

    all: tuple[Server, ...]
    mqtt_url: str
    credentials: Path
    log_url: str
    store_url: str
    read_store_url: str


def check_installed(plan: Plan) -> None:
    """Raises Unavailable with everything that is missing for the profile, and how to get each, before anything is started."""
    looks: list[Callable[[], object]] = []
    if not plan.mqtt_url:
        looks.append(find_mosquitto)
    if plan.city_profile and not plan.log_url:
        looks += [find_java, _jars_or_maven]
    missing = []
    for look in looks:
        try:
            look()
        except Unavailable as err:
            missing.append(str(err))
    if missing:
        raise Unavailable("missing for this profile (saola doctor --profile says more):\n  " + "\n  ".join(missing))


def _jars_or_maven() -> None:
    if shutil.which("mvn") is None:
        fetch_jars()  # from the cache, or it says what is missing


def start_servers(plan: Plan, city: City, ports: Ports, say: Callable[[Server], None]) -> Servers:
    """Start or find each in turn; `say` is told at once, so that what was started is known when a later one fails. Raises Unavailable."""
    mqtt, credentials = _mosquitto(plan, city, ports)
    say(mqtt)
    log = _log(plan, ports)
    say(log)
    store, written, read = _store(plan, ports)
    say(store)
    return Servers((mqtt, log, store), mqtt.where, credentials, log.where, written, read)


def broker_settings(plan: Plan) -> BrokerSettings:
    """broker.toml beside the registry when there is one."""
    beside = plan.city_path.parent / "broker.toml"
    return load_settings(beside if beside.exists() else None)


def _mosquitto(plan: Plan, city: City, ports: Ports) -> tuple[Server, Path]:
    directory = plan.data / "broker"
    if plan.mqtt_url:
        if plan.credentials is None:
            raise ConfigError([Problem("--credentials", "folder", "not given", "the folder of `saola broker render` for --mqtt")])
        return Server("mosquitto", plan.mqtt_url), plan.credentials
    settings = broker_settings(plan)
    if not (plan.city_path.parent / "broker.toml").exists():
        settings = replace(settings, mqtt=Mqtt(port=ports.take("mosquitto", plan.mqtt_port)))
    render(city, settings, directory)
    process = MosquittoServer.start(directory.resolve() / CONF, settings.mqtt.port)

    def again() -> MosquittoServer:
        process.run()
        return process

    url = f"{'mqtts' if settings.mqtt.cert_file else 'mqtt'}://127.0.0.1:{settings.mqtt.port}"
    return Server("mosquitto", url, process, again), directory / CREDENTIALS


def _log(plan: Plan, ports: Ports) -> Server:
    if plan.log_url:
        return Server("kafka" if plan.log_url.startswith("kafka") else "log", plan.log_url)
    if not plan.city_profile:
        return Server("log", f"sqlite:{plan.data / 'log'}")
    port, directory = ports.take("kafka"), plan.data / "kafka"
    process = KafkaServer.start(directory, port)
    return Server("kafka", process.url, process, lambda: KafkaServer.start(directory, port))


def _store(plan: Plan, ports: Ports) -> tuple[Server, str, str]:
    embedded = f"sqlite:{plan.data / 'series.db'}"
    if plan.store_url:
        return Server("store", plan.store_url), plan.store_url, _reading(plan.store_url)
    if not plan.city_profile:
        return Server("store", embedded), embedded, embedded
    try:
        find_influxd()
    except Unavailable as err:
        return Server("store", f"{embedded} (stands in: {err})"), embedded, embedded
    port, directory, files = ports.take("influxdb"), plan.data / "influxdb", plan.data / "influx"
    process = InfluxServer.start(directory, port)
    if not (files / ADMIN).exists():
        first_time(InfluxFile(process.url), files)
    admin = replace(load_influx_file(files / ADMIN), url=process.url)
    list(set_up(admin, files / ADMIN, Keep(), files))
    server = Server("influxdb", process.url, process, lambda: InfluxServer.start(directory, port))
    return server, f"influx:{files / WRITE}", f"influx:{files / READ}"


def _reading(store_url: str) -> str:
    """The page reads with the token that only reads, where one stands beside the one that writes."""
    kind, _, rest = store_url.partition(":")
    beside = Path(rest).with_name(READ)
    return f"influx:{beside}" if kind == "influx" and beside.exists() else store_url
