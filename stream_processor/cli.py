"""Commands of the stream's services. Each imports what it needs when it runs, so that one service pulls in no other's packages."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Any, Literal

import click

from city_model.service.options import service_options
from stream_processor.cli_store import keep_from, keeps


@click.command()
@click.option("--log", "log_url", required=True, metavar="URL", help="The log: sqlite:DIR or kafka://HOST:PORT.")
@click.option(
    "--store", "store_url", required=True, metavar="URL", help="The series store: sqlite:PATH, or influx:FILE with the write token."
)
@keeps
@click.option("--group", default="sink", show_default=True, help="Who shares the work; a second store is fed by a group of its own.")
@click.option(
    "--gather", "gather_s", type=click.FloatRange(0, 60), default=1.0, show_default=True, help="Seconds to wait for more before a write."
)
@service_options("sink")
def sink(
    log_url: str, store_url: str, raw_days: int, minute_days: int, hour_days: int, group: str, gather_s: float, status_port: int | None
) -> None:  # fmt: skip
    """Write observations from the log into the series store until interrupted; prints its counts as JSON at the end.

    How long what is kept is for the embedded store; InfluxDB is told by `saola store setup`.
    """
    import json

    from city_model.service.serve import telling
    from city_model.topics import ALARM_EVENTS
    from stream_processor.logs.open import open_log
    from stream_processor.sink import SinkCounts, run_sink
    from stream_processor.stores.open import open_store
    from stream_processor.told import about_sink

    counts = SinkCounts()

    async def run() -> None:
        store = open_store(store_url, keep_from(raw_days, minute_days, hour_days, "saola sink"))
        event_log = await open_log(log_url)
        try:
            async with telling(about_sink(counts, event_log), status_port):
                stop = _stop_on_signals()
                alarms = run_sink(event_log, store, stop, counts, group=f"{group}-alarms", gather_s=gather_s, topic=ALARM_EVENTS)
                await asyncio.gather(run_sink(event_log, store, stop, counts, group=group, gather_s=gather_s), alarms)
        finally:
            await event_log.close()
            store.close()

    asyncio.run(run())
    click.echo(json.dumps(counts.as_dict()))


@click.command()
@click.option("--city", "city_path", required=True, type=click.Path(path_type=Path), help="The registry, city.toml.")
@click.option("--log", "log_url", required=True, metavar="URL", help="The log: sqlite:DIR or kafka://HOST:PORT.")
@click.option("--core", "core_path", type=click.Path(path_type=Path), help="core.toml; without it, all defaults.")
@click.option("--member", default="", help="Name within the group; without it, host and pid.")
@click.option("--ticks", type=click.Choice(["own", "external"]), default="own", show_default=True, help="Who writes time into the log.")
@click.option("--announce", is_flag=True, help="Print a JSON line for every partition that is taken over.")
@service_options("stream")
def stream(
    city_path: Path, log_url: str, core_path: Path | None, member: str, ticks: Literal["own", "external"], announce: bool,
    status_port: int | None,
) -> None:  # fmt: skip
    """Judge what stands in the log: one worker of the engine. Start more of them to scale out; partitions move by themselves."""
    from stream_processor.worker import run_worker

    asyncio.run(run_worker(city_path, log_url, core_path, member, ticks, announce, status_port))


@click.command()
@click.option(
    "--city", "city_path", required=True, type=click.Path(path_type=Path), help="The registry, city.toml; read again when it changes."
)
@click.option("--mqtt", "mqtt_url", required=True, metavar="URL", help="The broker: mqtt://HOST:PORT or mqtts://HOST:PORT.")
@click.option("--credentials", type=click.Path(path_type=Path), help="TOML with user and password, mode 0600.")
@click.option("--log", "log_url", required=True, metavar="URL", help="The log: sqlite:DIR or kafka://HOST:PORT.")
@click.option("--share", default="", metavar="GROUP", help="Share the messages with the other bridges of GROUP.")
@click.option("--client-id", default="bridge", show_default=True, help="MQTT client id; bridges that share need one each.")
@click.option("--allow-plaintext", is_flag=True, help="Speak mqtt:// to a broker on another machine: the network is trusted.")
@service_options("bridge")
def bridge(
    city_path: Path, mqtt_url: str, credentials: Path | None, log_url: str, share: str, client_id: str, allow_plaintext: bool,
    status_port: int | None,
) -> None:  # fmt: skip
    """Carry messages from MQTT into the log until interrupted; prints its counts as JSON at the end."""
    import json

    from stream_processor.bridge_service import serve_bridge

    async def run() -> None:
        options: dict[str, Any] = {"client_id": client_id, "share": share}
        counts = await serve_bridge(
            city_path, mqtt_url, credentials, log_url, _stop_on_signals(), allow_plaintext=allow_plaintext, status_port=status_port,
            **options,
        )  # fmt: skip
        click.echo(json.dumps(counts.as_dict()))

    asyncio.run(run())


@click.command()
@click.option("--log", "log_url", required=True, metavar="URL", help="The log: sqlite:DIR or kafka://HOST:PORT.")
@click.option("--cameras", type=click.Path(path_type=Path), help="Folder of <device>.toml; without it, the whole picture is the road.")
@click.option(
    "--sample-every", "sample_every_s", type=click.FloatRange(1, 300), default=5.0, show_default=True, help="Seconds per traffic sample."
)
@click.option(
    "--dwell", "dwell_s", type=click.FloatRange(3, 3600), default=10.0, show_default=True,
    help="Seconds that a vehicle has to stand on a live lane to be told.",
)  # fmt: skip
@click.option("--member", default="", help="Name within the group; without it, host and pid.")
@service_options("vision")
def vision(log_url: str, cameras: Path | None, sample_every_s: float, dwell_s: float, member: str, status_port: int | None) -> None:
    """Turn camera frames in the log into traffic samples, decoding in child processes, until interrupted."""
    import os
    import socket

    from city_model.service.serve import telling
    from stream_processor.frames import FrameService, VisionSettings, check_cameras
    from stream_processor.logs.open import open_log
    from stream_processor.told import about_counter

    check_cameras(cameras)

    async def run() -> None:
        event_log = await open_log(log_url)
        try:
            service = FrameService(event_log, VisionSettings(cameras, sample_every_s, dwell_s))
            about = about_counter("vision", service.counts, "frames", _is_vision_failure, lambda: service.counts["take_overs"] > 0)
            async with telling(about, status_port):
                await service.run(member or f"{socket.gethostname()}-{os.getpid()}", _stop_on_signals())
        finally:
            await event_log.close()

    asyncio.run(run())


def _is_vision_failure(name: str) -> bool:
    return name.startswith("dead_") or name == "child_deaths"


def _stop_on_signals() -> asyncio.Event:
    """Set by SIGINT or SIGTERM, so that partitions are given up and offsets are where they should be."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop
