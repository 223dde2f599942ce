"""What was: the history of alarms (searched, exported), the figures of the desk, and the report of a shift."""

from __future__ import annotations

import asyncio
import csv
import io
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import msgspec
from fastapi import FastAPI, Query, Request
from starlette.responses import Response

from city_model.clock import Clock
from city_model.events import Alarm
from city_model.faults import Rejected
from dashboards.console.access import Access
from dashboards.console.gate import answer, operation, person_of
from dashboards.console.kpis import is_flood, kpis
from dashboards.console.moment import MOST_DEVICES, Moment, cards_at, devices_of, sites_at
from dashboards.console.people import Sight
from dashboards.console.view import View
from stream_processor.stores.port import SeriesStore

_SHIFT_MS = 12 * 3_600_000
_MOST_MS = 2**53
_MOST_ROWS = 5_000
_COLUMNS = (
    "id", "rule", "kind", "priority", "area", "site", "subject", "title", "onset_ms", "opened_ms", "cleared_ms", "closed_ms", "closed_as",
    "condition", "response", "acknowledged_by", "acknowledged_ms", "assigned_to", "reason", "value", "unit", "threshold", "worst_value",
    "confidence", "recurrences",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet would run as a formula."""

From = Annotated[int | None, Query(alias="from", ge=0, le=_MOST_MS)]
To = Annotated[int | None, Query(alias="to", ge=0, le=_MOST_MS)]
Word = Annotated[str, Query(max_length=120)]


class Handover(msgspec.Struct, frozen=True):
    """A shift in figures: alarms raised in it, what is still open at its end, and who answered how many."""

    start_ms: int
    stop_ms: int
    raised: tuple[Alarm, ...]
    still_open: tuple[Alarm, ...]
    hidden: tuple[Alarm, ...]
    answers: dict[str, int]


def add_past(app: FastAPI, access: Access, view: View, store: SeriesStore, clock: Clock) -> None:
    """The operations `history`, `moment`, `kpis` and `handover`."""
    past = Past(access, view, store, clock)
    operation(app, access, "GET", "/api/moment", "moment", answers={503: "the store is down"})(past.moment)
    operation(app, access, "GET", "/api/history", "history", media=("application/json", "text/csv"))(past.history)
    operation(app, access, "GET", "/api/kpis", "kpis")(past.kpis)
    operation(app, access, "GET", "/api/handover", "handover")(past.handover)


@dataclass(frozen=True, slots=True)
class Past:
    """Alarms of the last 30 days, as the view knows them."""

    access: Access
    view: View
    store: SeriesStore
    clock: Clock

    async def moment(self, request: Request, at_ms: Annotated[int, Query(alias="at", ge=0, le=_MOST_MS)], area: Word = "") -> Response:
        """The city as it stood at `at`: alarms that were open, and the sites (of `area`, where the city is too large for one look)."""
        sight: Sight = self.access.sight(person_of(request))
        cards = cards_at([self.view.shelf.card(a.id) for a in self._seen(request)], at_ms)
        sites = [s.id for s in self.view.city.site if s.id in sight.sites and area in ("", s.area)]
        is_whole = sum(len(devices_of(self.view.city, site)) for site in sites) <= MOST_DEVICES
        found = await asyncio.to_thread(sites_at, self.store, self.view.city, sites, cards, at_ms) if is_whole else {}
        return answer(Moment(at_ms, found, [c for c in cards if area in ("", c.alarm.area)], is_whole))

    async def history(
        self, request: Request, start_ms: From = None, stop_ms: To = None, text: Word = "", kind: Word = "", area: Word = "",
        priority: Word = "", response: Word = "", form: Annotated[Literal["json", "csv"], Query(alias="format")] = "json",
    ) -> Response:  # fmt: skip
        """Alarms opened in [from, to), newest first, at most 5,000, that match every filter; `text` is looked for in names and subjects."""
        start, stop = self._span(start_ms, stop_ms, 30 * 86_400_000)
        wanted = {"kind": kind, "area": area, "priority": priority, "response": response}
        rows = [
            a for a in self._seen(request)
            if start <= a.opened_ms < stop and all(not v or getattr(a, k) == v for k, v in wanted.items()) and self._matches(a, text)
        ]  # fmt: skip
        rows.sort(key=lambda a: (-a.opened_ms, a.id))
        if form == "csv":
            name = f"alarms-{start}-{stop}.csv"
            headers = {"content-disposition": f'attachment; filename="{name}"'}
            return Response(self._csv(rows[:_MOST_ROWS]), media_type="text/csv; charset=utf-8", headers=headers)
        return answer({"from": start, "to": stop, "total": len(rows), "alarms": rows[:_MOST_ROWS]})

    async def kpis(
        self, request: Request, start_ms: From = None, stop_ms: To = None, operators: Annotated[int, Query(ge=1, le=1000)] = 1
    ) -> Response:
        """Figures of the desk over [from, to); the last 24 hours by default. `is_flood`: whether there is one now."""
        start, stop = self._span(start_ms, stop_ms, 86_400_000)
        seen = self._seen(request)
        return answer({"kpis": kpis(seen, start, stop, operators), "is_flood": is_flood(seen, self._now_ms())})

    async def handover(self, request: Request, start_ms: From = None, stop_ms: To = None) -> Response:
        """The report of a shift over [from, to); the last 12 hours by default."""
        start, stop = self._span(start_ms, stop_ms, _SHIFT_MS)
        seen = self._seen(request)
        raised = [a for a in seen if start <= a.opened_ms < stop]
        is_open = [a for a in seen if a.opened_ms < stop and a.condition == "active"]
        answers = Counter(a.acknowledged_by for a in raised if a.acknowledged_by)
        report = Handover(
            start, stop, tuple(a for a in raised if a.kind != "maintenance"), tuple(a for a in is_open if a.display == "shown"),
            tuple(a for a in is_open if a.display != "shown"), dict(answers),
        )  # fmt: skip
        return answer({"handover": report, "kpis": kpis(seen, start, stop)})

    def _seen(self, request: Request) -> list[Alarm]:
        sight: Sight = self.access.sight(person_of(request))
        return [alarm for alarm in self.view.shelf.all() if sight.sees(alarm)]

    def _span(self, start_ms: int | None, stop_ms: int | None, length_ms: int) -> tuple[int, int]:
        stop = self._now_ms() + 1 if stop_ms is None else stop_ms
        start = max(0, stop - length_ms) if start_ms is None else start_ms
        if start >= stop:
            raise Rejected("bad_range", "`to` must be after `from`")
        return start, stop

    def _now_ms(self) -> int:
        return self.view.clock_ms or self.clock.now_ms()

    def _matches(self, alarm: Alarm, text: str) -> bool:
        site = self.view.city.sites.get(alarm.site)
        words = (alarm.id, alarm.subject, alarm.rule, alarm.title, *((site.vi, site.en) if site else ()))
        return not text or any(text.casefold() in word.casefold() for word in words)

    def _csv(self, rows: list[Alarm]) -> str:
        """With a mark that spreadsheets know UTF-8 by, times in the city's zone beside the milliseconds."""
        zone, out = ZoneInfo(self.view.city.timezone), io.StringIO()
        out.write("\ufeff")
        writer = csv.writer(out)
        writer.writerow((*_COLUMNS, "opened"))
        for alarm in rows:
            opened = datetime.fromtimestamp(alarm.opened_ms / 1000, zone).isoformat(timespec="seconds")
            writer.writerow([*(_harmless(getattr(alarm, column)) for column in _COLUMNS), opened])
        return out.getvalue()


def _harmless(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
