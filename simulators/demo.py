"""The demo: a city on one's screen with one command.

History first, through the same path; then one clock at no more than ten times real time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import psutil

from city_model.clock import ManualClock, ScaledClock, WallClock
from city_model.events import AlarmEvent
from city_model.registry import City
from city_model.topics import ALARM_EVENTS
from dashboards.console.access import Access
from dashboards.console.accounts import Accounts
from dashboards.console.app import create_app
from dashboards.console.serve import serve
from simulators.faults import Span
from simulators.feeds import Feed
from simulators.ledger import newest_reports
from simulators.play import Player, playing
from simulators.running import Broker, RunningCity, open_city
from stream_processor.core.settings import load_core_settings
from stream_processor.engine import EngineSettings
from stream_processor.logs.records import from_record

_HISTORY_STEP_MS = 240_000
_LIVE_STEP_MS = 5_000
_VISITOR = "visitor"
_LINK_MS = 86_400_000
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is played: a city, its feeds, and when history begins, live begins and everything ends."""

    title: str
    city: City
    city_path: Path
    feeds: Sequence[Feed]
    begin_ms: int
    live_ms: int
    end_ms: int
    speed: float
    repeated: dict[str, list[Span]] = field(default_factory=dict)


@dataclass(slots=True)
class DemoReport:
    """What a demo that ends by itself prints."""

    address: str = ""
    first_page_s: float = 0.0
    history_s: float = 0.0
    alarms: list[dict[str, Any]] = field(default_factory=list)
    events: dict[str, int] = field(default_factory=dict)
    stood_in: dict[str, str] = field(default_factory=dict)
    peak_rss_mb: float = 0.0
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


async def run_demo(
    make_plan: Callable[[ManualClock, Path], Plan],
    directory: Path,
    *,
    port: int,
    for_s: float | None,
    broker: Broker,
    say: Say,
    stop: asyncio.Event,
) -> DemoReport:
    """Play until `stop`, for `for_s` seconds, or to the plan's end. Raises OSError when the port is taken."""
    since = psutil.Process().create_time()
    report = DemoReport()
    clock = ManualClock()
    plan = make_plan(clock, directory)
    clock.advance_to(plan.begin_ms)
    deadline = None if for_s is None else asyncio.get_running_loop().call_later(max(0.0, for_s - (time.time() - since)), stop.set)
    async with open_city(plan.city_path, plan.city, directory, clock, broker=broker) as running:
        running.start_engine(load_core_settings(None), EngineSettings(ticks="external"))
        page_stop, (accounts, link) = asyncio.Event(), _visitor(directory)
        app = create_app(running.log, running.store, plan.city, clock, title=plan.title, access=Access.of(plan.city, accounts))
        report.address = f"http://127.0.0.1:{await serve(app, '127.0.0.1', port, page_stop)}/"
        report.first_page_s = round(time.time() - since, 2)
        report.stood_in = {**running.stood_in, "grafana": "the console's own page"}
        _introduce(report, report.address + link, say)
        watch = asyncio.create_task(_watch(running, report, since, say))
        try:
            async with playing(running, clock, plan.feeds, plan.repeated) as player:
                await _until(stop, _play(plan, player, running, report, since, say))
                report.events = await _events(running, player)
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)
            page_stop.set()
            await app.state.served
            accounts.close()
    if deadline is not None:
        deadline.cancel()
    report.seconds = round(time.time() - since, 2)
    return report


def _visitor(directory: Path) -> tuple[Accounts, str]:
    """Accounts with one who may do everything but make users, and the link that signs one browser in."""
    accounts = Accounts(directory / "console")
    accounts.add(_VISITOR, "supervisor")
    return accounts, f"enter/{accounts.ticket(_VISITOR, 'link', WallClock().now_ms(), for_ms=_LINK_MS)}"


def _introduce(report: DemoReport, link: str, say: Say) -> None:
    say(f"page: {link}   (after {report.first_page_s} s; the link signs one browser in, once)")
    for server, what in report.stood_in.items():
        say(f"  {server}: {what}")
    say("feeding earlier hours through the same path; then the clock runs. Ctrl-C ends everything.")


async def _until(stop: asyncio.Event, work: Any) -> None:  # noqa: ANN401 - a coroutine
    playing_task, stopping = asyncio.create_task(work), asyncio.create_task(stop.wait())
    await asyncio.wait((playing_task, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not playing_task.done():
        playing_task.cancel()
        with suppress(asyncio.CancelledError):
            await playing_task
    else:
        playing_task.result()


async def _play(plan: Plan, player: Player, running: RunningCity, report: DemoReport, since: float, say: Say) -> None:
    await running.tick(plan.begin_ms)
    for at_ms in range(plan.begin_ms + _HISTORY_STEP_MS, plan.live_ms, _HISTORY_STEP_MS):
        await player.step_to(at_ms)
    report.history_s = round(time.time() - since, 2)
    say(f"earlier hours are in (after {report.history_s} s); live at {plan.speed:g} times real time")
    pace = ScaledClock(plan.live_ms, plan.speed)
    for at_ms in range(plan.live_ms, plan.end_ms + 1, _LIVE_STEP_MS):
        await pace.sleep_until(at_ms)
        await player.step_to(at_ms)
        report.peak_rss_mb = max(report.peak_rss_mb, _rss_mb())
    say("the story is over; the page stays until Ctrl-C")
    await asyncio.Event().wait()


async def _watch(running: RunningCity, report: DemoReport, since: float, say: Say) -> None:
    """Note and tell when each alarm opens."""

    async def follow(partition: int) -> None:
        reader = await running.log.reader(ALARM_EVENTS, partition, 0)
        try:
            while True:
                for row in await reader.fetch(100, wait_s=1.0):
                    event = msgspec.json.decode(from_record(row.record).data, type=AlarmEvent)
                    if event.transition == "opened":
                        after_s = round(time.time() - since, 1)
                        report.alarms.append(
                            {"after_s": after_s, "rule": event.alarm.rule, "subject": event.alarm.subject, "id": event.alarm.id}
                        )
                        say(f"alarm after {after_s} s: {event.alarm.rule} {event.alarm.subject}: {event.why}")
        finally:
            await reader.close()

    await asyncio.gather(*(follow(p) for p in range(await running.log.partitions(ALARM_EVENTS))))


async def _events(running: RunningCity, player: Player) -> dict[str, int]:
    """Events per stage."""
    judged = [report.counts for report in (await newest_reports(running.log)).values()]
    total = {key: sum(counts.get(key, 0) for counts in judged) for key in ("readings", "samples", "duplicates", "late")}
    return {
        "edge_accepted": player.accepted,
        "bridge_messages": running.bridge.received,
        "bridge_items": running.bridge.items,
        "dead_letters": sum(running.bridge.dead_lettered.values()),
        **{f"engine_{key}": value for key, value in total.items()},
        "points_stored": running.sink.points,
    }


def _rss_mb() -> float:
    """Resident memory of this process and all it started."""
    me = psutil.Process()
    total = 0
    for process in (me, *me.children(recursive=True)):
        with suppress(psutil.Error):
            total += process.memory_info().rss
    return round(total / 1e6, 1)
