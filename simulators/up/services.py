"""The services of a profile as commands of `saola`, each with its status port."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from simulators.up.plan import Plan, Ports
from simulators.up.platform import PLATFORM
from simulators.up.servers import Servers


@dataclass(frozen=True, slots=True)
class Service:
    """One process: `saola` with these arguments. `where` is what people open, if they do."""

    name: str
    arguments: tuple[str, ...]
    status_port: int
    where: str = ""


def names(plan: Plan) -> tuple[str, ...]:
    """The services that send figures, in the order they are started; `canary`, which collects them, comes last and is not one of them."""
    workers = [f"stream-{number}" for number in range(1, plan.workers + 1)]
    return (
        "bridge", *workers, "sink", "console", *(["vision"] if plan.cameras else []), *(["notify"] if plan.notify else []),
    )  # fmt: skip


def services(plan: Plan, city: Path, servers: Servers, ports: Ports) -> list[Service]:
    """Every service, the canary last. `city` is the registry with the platform in it."""
    log, data = ["--log", servers.log_url], plan.data
    page = ports.take("page", plan.port)
    core = ["--core", str(plan.core_path)] if plan.core_path else []
    arguments = {
        "bridge": ["--city", str(city), "--mqtt", servers.mqtt_url, "--credentials", str(servers.credentials / "bridge.toml"), *log],
        "sink": [*log, "--store", servers.store_url],
        "console": ["--city", str(city), *log, "--store", servers.read_store_url, "--data", str(data / "console"), "--port", str(page)],
        "vision": [*log, "--cameras", str(plan.cameras)],
        "notify": ["--city", str(city), *log, "--config", str(plan.notify)],
    }
    made: list[Service] = []
    for name in names(plan):
        command = name.partition("-")[0]
        own = arguments.get(name) or ["--city", str(city), *log, *core, "--member", name]
        port = ports.take(f"status of {name}")
        tail = ["--status", str(port), "--log-form", "json"]
        made.append(Service(name, (command, *own, *tail), port, f"http://127.0.0.1:{page}/" if name == "console" else ""))
    made.append(_canary(city, servers, made, data, ports.take("status of canary")))
    return made


def _canary(city: Path, servers: Servers, others: list[Service], data: Path, port: int) -> Service:
    told = [argument for one in others for argument in ("--of", f"{one.name}={one.status_port}")]
    arguments = ["--city", str(city), "--mqtt", servers.mqtt_url, "--credentials", str(servers.credentials / f"{PLATFORM}.toml")]
    arguments += ["--log", servers.log_url, "--outbox", str(data / "canary"), *told, "--status", str(port), "--log-form", "json"]
    return Service("canary", ("canary", *arguments), port)
