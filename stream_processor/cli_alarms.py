"""`saola alarms`: what there is, why it was raised, and what other settings would have done."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from zoneinfo import ZoneInfo

import click
import msgspec

from city_model.faults import Rejected

if TYPE_CHECKING:
    from city_model.events import Alarm
    from city_model.registry import City
    from stream_processor.core.settings import CoreSettings
    from stream_processor.explain import Explanation
    from stream_processor.logs.port import EventLog
    from stream_processor.what_if import Difference

T = TypeVar("T")
_CITY = click.option("--city", "city_path", required=True, type=click.Path(path_type=Path), help="The registry, city.toml.")
_LOG = click.option("--log", "log_url", required=True, metavar="URL", help="The log: sqlite:DIR or kafka://HOST:PORT.")
_CORE = click.option("--core", "core_path", type=click.Path(path_type=Path), help="core.toml; without it, all defaults.")
_JSON = click.option("--json", "as_json", is_flag=True, help="As JSON.")


@click.group()
def alarms() -> None:
    """Alarms: what there is, why it was raised, what other settings would have done."""


@alarms.command("list")
@_CITY
@_LOG
@click.option("--open", "only_open", is_flag=True, help="Only those whose condition still holds.")
@_JSON
def list_alarms(city_path: Path, log_url: str, only_open: bool, as_json: bool) -> None:
    """List the alarms of the last 30 days, oldest first."""
    from stream_processor.reruns import current_alarms

    async def run(log: EventLog, city: City) -> list[Alarm]:
        return [alarm for alarm in await current_alarms(log) if not only_open or alarm.condition == "active"]

    city, found = _with_log(city_path, log_url, run)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
        return
    for alarm in found:
        click.echo(f"{alarm.id}  {_when(alarm.opened_ms, city)}  {alarm.rule:14} {alarm.subject:32} {alarm.condition:9} {alarm.response}")


@alarms.command("explain")
@click.argument("alarm_id")
@_CITY
@_LOG
@_CORE
@_JSON
def explain_alarm(alarm_id: str, city_path: Path, log_url: str, core_path: Path | None, as_json: bool) -> None:
    """Say why an alarm was raised: its rule and thresholds, every observation that counted, and what would have kept it quiet.

    The recorded inputs are judged again, so --core must be what the engine was told.
    """
    from city_model.topics import INPUTS, partition_of
    from stream_processor.core.settings import load_core_settings
    from stream_processor.explain import LOOKBACK_MS, explain
    from stream_processor.reruns import current_alarms, inputs

    settings = load_core_settings(core_path)

    async def run(log: EventLog, city: City) -> Explanation:
        alarm = next((a for a in await current_alarms(log) if a.id == alarm_id), None)
        if alarm is None:
            raise Rejected("unknown_alarm", f"no alarm {alarm_id[:40]!r} in the last 30 days; `saola alarms list` has their ids")
        partition = partition_of(alarm.area, await log.partitions(INPUTS))
        events = await inputs(log, partition, alarm.onset_ms - LOOKBACK_MS)
        return await asyncio.to_thread(explain, city, settings, partition, alarm, events)

    city, told = _with_log(city_path, log_url, run)
    if as_json:
        plain = dataclasses.asdict(told) | {"alarm": msgspec.to_builtins(told.alarm)}
        click.echo(json.dumps(plain, ensure_ascii=False, indent=2))
        return
    _print_explanation(told, city)


@alarms.command("what-if")
@_CITY
@_LOG
@_CORE
@click.option("--set", "changes", multiple=True, required=True, metavar="DETECTOR.SETTING=VALUE", help="A setting to change (repeat).")
@_JSON
def what_if_alarms(city_path: Path, log_url: str, core_path: Path | None, changes: tuple[str, ...], as_json: bool) -> None:
    """Say which alarms other settings would have raised over the recorded past, and which not."""
    from stream_processor.core.settings import load_core_settings
    from stream_processor.what_if import changed, what_if

    settings: CoreSettings = load_core_settings(core_path)
    other = changed(settings, changes)

    async def run(log: EventLog, city: City) -> Difference:
        return await what_if(log, city, settings, other)

    city, difference = _with_log(city_path, log_url, run)
    if as_json:
        plain = {name: msgspec.to_builtins(getattr(difference, name)) for name in ("before", "after", "gone", "new")}
        click.echo(json.dumps({"set": changes, **plain}, ensure_ascii=False, indent=2))
        return
    click.echo(f"{len(difference.before)} alarms as it was, {len(difference.after)} with {' '.join(changes)}")
    for word, found in (("gone", difference.gone), ("new", difference.new)):
        for alarm in found:
            click.echo(f"  {word:5} {_when(alarm.opened_ms, city)}  {alarm.rule:14} {alarm.subject}")


def _with_log(city_path: Path, log_url: str, work: Callable[[EventLog, City], Awaitable[T]]) -> tuple[City, T]:
    from city_model.registry import load_city
    from stream_processor.logs.open import open_log

    city = load_city(city_path)

    async def run() -> T:
        log = await open_log(log_url)
        try:
            return await work(log, city)
        finally:
            await log.close()

    return city, asyncio.run(run())


def _print_explanation(told: Explanation, city: City) -> None:
    alarm = told.alarm
    click.echo(f"{alarm.rule} on {alarm.subject}, {alarm.priority}, rule version {alarm.rule_version}")
    click.echo(f"onset {_when(alarm.onset_ms, city)}, raised {_when(alarm.opened_ms, city)} at {alarm.value:g} {alarm.unit}")
    if not told.is_reproduced:
        click.echo("NOT reproduced: the inputs are no longer all there, or the settings are not those that raised it")
    for name, value in told.settings.items():
        click.echo(f"  {told.detector}.{name} = {value}")
    click.echo(f"{told.observations_in_all} observations counted" + (":" if told.observations else ""))
    for point in told.observations:
        click.echo(f"  {_when(point.at_ms, city)}  {point.series} = {point.value:g}" + (f"  flags {point.flags}" if point.flags else ""))
    for other in told.counterfactuals:
        side = "at most" if other.quiet_at < other.now else "at least"
        click.echo(f"would not have been raised with {other.setting} {side} {other.quiet_at:.4g} (now {other.now:g})")


def _when(at_ms: int, city: City) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, ZoneInfo(city.timezone)):%Y-%m-%d %H:%M:%S}"
