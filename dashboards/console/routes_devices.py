"""The ledger of devices: what each has sent since this page's process began, when it was last heard, and what is wrong with it."""

from __future__ import annotations

import msgspec
from fastapi import FastAPI, Request
from starlette.responses import Response

from dashboards.console.access import Access
from dashboards.console.gate import answer, operation, person_of
from dashboards.console.people import Sight
from dashboards.console.view import View


class DeviceRow(msgspec.Struct, frozen=True):
    """One device. `received` counts the values read since `since_ms` of the ledger; `faults` are ids of its open maintenance alarms."""

    id: str
    site: str
    kind: str
    state: str
    at_ms: int | None
    received: int
    out_of_service: bool
    faults: tuple[str, ...]


class Ledger(msgspec.Struct, frozen=True):
    """Rows in the registry's order. Times are ms of event time; None before the first report."""

    now_ms: int | None
    since_ms: int | None
    devices: tuple[DeviceRow, ...]


def add_devices(app: FastAPI, access: Access, view: View) -> None:
    """The operations `devices` and `rules`."""

    @operation(app, access, "GET", "/api/rules", "rules")
    async def rules(request: Request) -> Response:
        """What the engine judges by: rules, settings and where they come from. `agree` is False while workers have different ones."""
        told = sorted(view.rules.values(), key=lambda one: (one.at_ms, one.partition))
        agree = len({msgspec.json.encode(one.rules) for one in told}) <= 1
        return answer({"rules": told[-1].rules if told else [], "at_ms": told[-1].at_ms if told else None, "agree": agree})

    @operation(app, access, "GET", "/api/devices", "devices")
    async def devices(request: Request) -> Response:
        """Every camera and station that the signed-in person may see."""
        return answer(ledger(view, access.sight(person_of(request))))


def ledger(view: View, sight: Sight) -> Ledger:
    """What `sight` sees of the devices."""
    hidden, faults = set(), dict[str, list[str]]()
    for alarm in view.shelf.all():
        if alarm.condition == "active" and alarm.kind == "maintenance" and sight.sees(alarm):
            faults.setdefault(alarm.device, []).append(alarm.id)
        if "out_of_service" in alarm.suppressed_by:
            hidden.add(alarm.device)
    rows = [
        DeviceRow(
            now.id, site.id, now.kind, now.state, now.at_ms, view.received.get(now.id, 0), now.id in hidden,
            tuple(sorted(faults.get(now.id, ()))),
        )
        for site in view.sites().values() if site.id in sight.sites
        for now in site.devices
    ]  # fmt: skip
    return Ledger(view.clock_ms, view.since_ms, tuple(rows))
