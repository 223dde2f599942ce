"""What people do: acts on alarms, on a group of them, incidents, devices in and out of service."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated, cast
from urllib.parse import quote

import msgspec
from fastapi import FastAPI, Request
from msgspec import Meta
from starlette.responses import Response

from city_model.clock import Clock
from city_model.events import Alarm, AlarmEvent, Command, CommandKind
from city_model.lifecycle import SHELVE_MOST_MS, acts
from dashboards.console.access import Access
from dashboards.console.commands import MOST_MS, Asked, CommandId, Commands, Reported, Service, Text, on_alarm
from dashboards.console.gate import answer, body_of, operation, person_of
from dashboards.console.people import Person
from dashboards.console.problems import problem
from dashboards.console.view import View

MOST_AT_ONCE = 50


class AskedOfGroup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One act on several alarms: their ids with the version of each that was seen. `command_id` is the stem of each command's id."""

    versions: Annotated[dict[str, Annotated[int, Meta(ge=0, le=MOST_MS)]], Meta(min_length=1, max_length=MOST_AT_ONCE)]
    command_id: CommandId
    note: Text = ""


_TOLD = {202: "sent, no answer of the engine yet", 404: "there is no such thing", 409: "the engine refuses", 503: "the log is down"}
_FOR_GROUPS = frozenset({"acknowledge", "note", "unreject", "release", "unshelve"})


def add_acts(app: FastAPI, access: Access, view: View, commands: Commands, clock: Clock) -> None:
    """The operations `act`, `act_on_group`, `incident`, `service`, `command` and `lifecycle`."""
    desk = Desk(access, view, commands, clock)
    operation(app, access, "POST", "/api/alarms/{alarm_id}/{act}", "act", takes=Asked, answers=_TOLD)(desk.act)
    operation(app, access, "POST", "/api/groups/{act}", "act_on_group", takes=AskedOfGroup, answers=_TOLD)(desk.act_on_group)
    operation(app, access, "POST", "/api/incidents", "incident", takes=Reported, answers=_TOLD)(desk.incident)
    operation(app, access, "POST", "/api/devices/{device_id}/service", "service", takes=Service, answers=_TOLD)(desk.service)
    operation(app, access, "GET", "/api/commands/{command_id}", "command", answers=_TOLD)(desk.command)
    operation(app, access, "GET", "/api/lifecycle", "lifecycle")(lifecycle)


@dataclass(frozen=True, slots=True)
class Desk:
    """Carries people's acts to the engine, after looking whether they see what they act on."""

    access: Access
    view: View
    commands: Commands
    clock: Clock

    async def act(self, alarm_id: str, act: str, request: Request) -> Response:
        """Acknowledge, assign, shelve, reject, … an alarm: the acts of `/api/lifecycle`."""
        person = person_of(request)
        if act not in acts():
            return problem(404, "unknown_act", f"there is no act {act[:30]!r}; acts: {', '.join(acts())}")
        alarm = self._seen(alarm_id, person)
        if alarm is None:
            return problem(404, "unknown_alarm", "there is no such alarm")
        asked = await body_of(request, Asked)
        command = on_alarm(cast(CommandKind, act), alarm.id, asked, person.name, self._now_ms())
        return await self._sent(command, alarm.area, alarm.site, alarm.device)

    async def act_on_group(self, act: str, request: Request) -> Response:
        """One act on several alarms; each answers for itself."""
        person = person_of(request)
        if act not in _FOR_GROUPS:
            return problem(404, "unknown_act", f"{act[:30]!r} is not for a group")
        asked = await body_of(request, AskedOfGroup)
        found = {alarm_id: self._seen(alarm_id, person) for alarm_id in asked.versions}
        if unknown := [alarm_id[:40] for alarm_id, alarm in found.items() if alarm is None]:
            return problem(404, "unknown_alarm", f"there is no such alarm: {', '.join(unknown)}")
        alarms = [alarm for alarm in found.values() if alarm is not None]
        asks = [Asked(asked.versions[a.id], f"{asked.command_id[:60]}.{i}", asked.note) for i, a in enumerate(alarms)]
        now_ms = self._now_ms()
        sending = [
            self.commands.send(on_alarm(cast(CommandKind, act), a.id, one, person.name, now_ms), a.area, a.site, a.device)
            for a, one in zip(alarms, asks, strict=True)
        ]
        events = await asyncio.gather(*sending)
        self._note(person.name, act, alarms=",".join(a.id for a in alarms))
        told = {a.id: _outcome(one.command_id, event) for a, one, event in zip(alarms, asks, events, strict=True)}
        return answer({"outcomes": told})

    async def incident(self, request: Request) -> Response:
        """Report what no detector sees: it becomes an alarm of kind `incident`."""
        person, asked = person_of(request), await body_of(request, Reported)
        if asked.site not in self.access.sight(person).sites:
            return problem(404, "unknown_site", "there is no such site")
        command = Command(
            asked.command_id, "open_incident", "", 0, person.name, self._now_ms(), asked.note, subject=asked.site, priority=asked.priority
        )
        return await self._sent(command, self.view.city.sites[asked.site].area, asked.site, "")

    async def service(self, device_id: str, request: Request) -> Response:
        """Take a device out of service, with the reason, or back: its alarms are hidden meanwhile."""
        person = person_of(request)
        device = self.view.city.devices.get(device_id)
        if device is None or device.site not in self.access.sight(person).sites:
            return problem(404, "unknown_device", "there is no such device")
        asked = await body_of(request, Service)
        kind: CommandKind = "in_service" if asked.in_service else "out_of_service"
        command = Command(asked.command_id, kind, "", 0, person.name, self._now_ms(), asked.note, subject=device_id)
        await self.commands.send(command, self.view.city.area_of(device_id), device.site, device_id, has_answer=False)
        self._note(person.name, kind, device=device_id, reason=asked.note)
        return answer({"outcome": "sent"}, 202)

    async def command(self, command_id: str, request: Request) -> Response:
        """What came of a command that was answered 202: the same answer as it would have got; 404 while there is none."""
        event = self.commands.follower.answered(command_id)
        if event is None or not self.access.sight(person_of(request)).sees(event.alarm):
            return problem(404, "no_answer", "the engine has not answered such a command, or long ago")
        return _told(event)

    async def _sent(self, command: Command, area: str, site: str, device: str) -> Response:
        event = await self.commands.send(command, area, site, device)
        outcome = "sent" if event is None else event.transition
        self._note(command.by, command.kind, alarm=command.alarm_id, outcome=outcome, reason=command.note)
        if event is None:
            waiting = answer(_waiting(command.id), 202)
            waiting.headers["location"] = _status_of(command.id)
            return waiting
        return _told(event)

    def _now_ms(self) -> int:
        return self.view.clock_ms or self.clock.now_ms()

    def _seen(self, alarm_id: str, person: Person) -> Alarm | None:
        alarm = self.view.shelf.get(alarm_id)
        return alarm if alarm is not None and self.access.sight(person).sees(alarm) else None

    def _note(self, who: str, what: str, **detail: str) -> None:
        if self.access.accounts is not None:
            self.access.accounts.audit.write(self.access.clock.now_ms(), who, what, **detail)


async def lifecycle(request: Request) -> Response:
    """The table of acts: from which state, what they need, what takes them back."""
    rows = [
        {"act": a.name, "side": a.side, "from": sorted(a.sources), "to": a.target, "needs": a.needs, "undo": a.undo}
        for a in acts().values()
    ]
    return answer({"acts": rows, "shelve_most_ms": SHELVE_MOST_MS})


def _told(event: AlarmEvent) -> Response:
    """The engine's answer: what was done, or 409 with who was first and why not."""
    if event.transition == "refused":
        return problem(409, event.code or "refused", event.why, outcome="refused", why=event.why, alarm=event.alarm)
    return answer({"outcome": event.transition, "why": event.why, "alarm": event.alarm})


def _waiting(command_id: str) -> dict[str, str]:
    return {"outcome": "sent", "status": _status_of(command_id)}


def _status_of(command_id: str) -> str:
    return f"/api/commands/{quote(command_id, safe='')}"


def _outcome(command_id: str, event: AlarmEvent | None) -> dict[str, str]:
    return _waiting(command_id) if event is None else {"outcome": event.transition, "code": event.code, "why": event.why}
