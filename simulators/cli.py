"""`saola demo`, `saola simulate` and `saola scenario`."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

if TYPE_CHECKING:
    from city_model.clock import ManualClock
    from simulators.demo import Plan

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option("--for", "for_s", type=click.FloatRange(1, 86_400), help="End by itself after so many seconds.")
@click.option("--json", "as_json", is_flag=True, help="At the end, print what was measured as JSON.")
@click.option("--port", type=click.IntRange(0, 65_535), default=8080, show_default=True, help="Port of the page; 0 takes a free one.")
@click.option("--story", default="binh_duong", show_default=True, help="A scenario by name, or its file.")
@click.option("--video", type=_FILE, help="A real clip instead of the simulated city.")
@click.option("--camera", type=_FILE, help="CAMERA.toml of the clip; without it the whole picture is road.")
@click.option("--air", type=_FILE, help="A real CSV of air measurements, its last 36 hours re-dated to now.")
@click.option("--map", "air_map", type=_FILE, help="MAP.toml of the CSV; without it columns go by their names.")
@click.option("--speed", type=click.FloatRange(0.1, 10), default=10.0, show_default=True, help="Times real time, at most 10.")
@click.option("--broker", type=click.Choice(["auto", "mosquitto", "local"]), default="auto", show_default=True, help="What carries MQTT.")
def demo(
    for_s: float | None, as_json: bool, port: int, story: str, video: Path | None, camera: Path | None, air: Path | None,
    air_map: Path | None, speed: float, broker: Literal["auto", "mosquitto", "local"],
) -> None:  # fmt: skip
    """A living city on your screen: simulated, or from real recordings, through exactly the same path."""
    from simulators.demo import run_demo

    def plan(clock: ManualClock, directory: Path) -> Plan:
        if video or air:
            from simulators.recordings import recorded_plan

            return recorded_plan(clock, directory, video=video, camera=camera, air=air, air_map=air_map, speed=speed)
        return _story_plan(story, clock, directory, speed)

    async def run(directory: Path) -> None:
        stop = _stop_on_signals()
        report = await run_demo(
            plan, directory, port=port, for_s=for_s, broker=broker, stop=stop, say=lambda text: print(text, file=sys.stderr, flush=True)
        )
        if as_json:
            print(json.dumps(report.to_json(), ensure_ascii=False, indent=2))

    with tempfile.TemporaryDirectory(prefix="saola-demo-") as directory:
        asyncio.run(run(Path(directory)))


def _story_plan(name: str, clock: ManualClock, directory: Path, speed: float) -> Plan:
    from simulators.cast import cast, repeats
    from simulators.demo import Plan
    from simulators.story import load_story

    story = load_story(name)
    clock.advance_to(story.begin_ms)
    assert story.registry.path is not None
    return Plan(
        story.title_vi, story.registry, story.registry.path, cast(story, clock, directory), story.begin_ms, story.live_ms, story.end_ms,
        min(speed, story.speed), repeats(story),
    )  # fmt: skip


@click.command()
@click.option("--story", default="binh_duong", show_default=True, help="A scenario by name, or its file.")
@click.option("--mqtt", "mqtt_url", required=True, metavar="URL", help="The broker: mqtt://HOST:PORT.")
@click.option(
    "--credentials", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True, help="Folder of `saola broker render`."
)
def simulate(story: str, mqtt_url: str, credentials: Path) -> None:
    """Publish a simulated city through real edge agents to a running broker, dated to now, until interrupted."""
    from simulators.simulate import run_simulation

    async def run(directory: Path) -> None:
        await run_simulation(story, mqtt_url, credentials, directory, _stop_on_signals())

    with tempfile.TemporaryDirectory(prefix="saola-simulate-") as directory:
        asyncio.run(run(Path(directory)))


@click.group()
def scenario() -> None:
    """Stories with a seed and the alarms that must come of them."""


@scenario.command("list")
def list_scenarios() -> None:
    """The scenarios that are shipped."""
    from simulators.story import load_story, story_names

    for name in story_names():
        print(f"{name:20} {load_story(name).title_en}")


@scenario.command("run")
@click.argument("name")
@click.option(
    "--profile", type=click.Choice(["embedded", "city"]), default="embedded", show_default=True, help="city: Mosquitto and Kafka."
)
@click.option("--workers", type=click.IntRange(0, 12), default=0, show_default=True, help="Engine processes; 0: in this process.")
@click.option("--kill-worker", is_flag=True, help="SIGKILL the worker that owns the first open alarm.")
@click.option("--kafka", "kafka_url", default="", metavar="URL", help="A given Kafka instead of starting one.")
@click.option("--json", "as_json", is_flag=True, help="The whole account as JSON.")
def run_command(name: str, profile: Literal["embedded", "city"], workers: int, kill_worker: bool, kafka_url: str, as_json: bool) -> None:
    """Play a scenario to the end and print ledger, alarms and their hash. Exit code 1 when something was lost or unexpected."""
    from city_model.faults import ConfigError, Problem
    from simulators.scenario import RunSettings, run_scenario
    from simulators.story import load_story

    if kill_worker and workers < 2:
        raise ConfigError([Problem("--kill-worker", "workers", str(workers), "at least 2: somebody must take over")])
    story = load_story(name)
    with tempfile.TemporaryDirectory(prefix="saola-scenario-") as directory:
        account = asyncio.run(run_scenario(story, RunSettings(profile, workers, kill_worker, kafka_url=kafka_url), Path(directory)))
    print(json.dumps(account.to_json(), ensure_ascii=False, indent=2) if as_json else account.to_text())
    if not account.as_expected:
        sys.exit(1)


@scenario.command("prove")
@click.option("--devices", type=click.IntRange(1, 5_000), default=50, show_default=True, help="Simulated air stations.")
@click.option("--readings", type=click.IntRange(1, 10_000_000), default=100_000, show_default=True, help="In all.")
@click.option("--profile", type=click.Choice(["embedded", "city"]), default="city", show_default=True, help="city: real servers.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def prove_command(devices: int, readings: int, profile: str, as_json: bool) -> None:
    """Account for every reading from outbox to log, with a twentieth of the messages sent twice. Exit code 1 when one is missing."""
    from simulators.proof import prove

    with tempfile.TemporaryDirectory(prefix="saola-proof-") as directory:
        proof = asyncio.run(prove(devices, readings, Path(directory), city_profile=profile == "city"))
    account = proof.to_json()
    if as_json:
        print(json.dumps(account, ensure_ascii=False, indent=2))
    else:
        print("\n".join(f"{name:14} {value}" for name, value in {**account, **account.pop("ledger")}.items() if name != "ledger"))
    if not proof.holds:
        sys.exit(1)


def _stop_on_signals() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop
