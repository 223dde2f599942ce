"""How the series of an answer are called: by site, direction and quantity, in both languages."""

from __future__ import annotations

from city_model.registry import City
from dashboards.boards.catalogue import quantity_name
from dashboards.boards.panel import Panel, Text
from dashboards.boards.question import Count, EventCounts, NowCounts, Quantiles, Question
from dashboards.boards.words import UNKNOWN_STATE

_SAMPLE = {"p50": Text("trung vị", "median"), "p95": Text("phân vị 95", "95th percentile"), "p99": Text("phân vị 99", "99th percentile")}


def label_of(series: str, panel: Panel, city: City) -> Text:
    """What a viewer calls that series of the panel's answer."""
    if isinstance(panel.question, Count):
        return panel.title
    if isinstance(panel.question, NowCounts):
        return (*panel.states, UNKNOWN_STATE)[int(series)].name
    if isinstance(panel.question, EventCounts):
        return quantity_name(series)
    name, quantile = _parted(series) if isinstance(panel.question, Quantiles) else (series, "")
    parts = [_place(name, panel, city)] if name else []
    parts += [_SAMPLE.get(quantile, Text(quantile, quantile))] if quantile else []
    return _joined(parts) if parts else panel.title


def _parted(series: str) -> tuple[str, str]:
    """(series, quantile)."""
    name, _, quantile = series.rpartition(" ")
    return name, quantile


def _place(name: str, panel: Panel, city: City) -> Text:
    device, _, rest = name.partition("/")
    direction, _, quantity = rest.rpartition("/")
    known = city.devices.get(device)
    site = city.sites.get(known.site) if known else None
    parts = [Text(site.vi or device, site.en or device) if site else Text(device, device)]
    if not direction and known and quantity in {way.id for way in known.directions}:
        direction, quantity = quantity, ""
    if direction and known:
        parts += [Text(way.vi or way.id, way.en or way.id) for way in known.directions if way.id == direction] or [
            Text(direction, direction)
        ]
    if quantity and len(quantities_of(panel.question)) > 1:
        parts.append(quantity_name(quantity))
    return _joined(parts)


def quantities_of(question: Question) -> tuple[str, ...]:
    """What it asks for, in the order they are to be shown."""
    return question.rows.of.quantities if isinstance(question, Count) else question.of.quantities


def _joined(parts: list[Text]) -> Text:
    return Text(" · ".join(part.vi for part in parts), " · ".join(part.en for part in parts))
