"""A panel of ours as Grafana's panel of the fitting kind."""

from __future__ import annotations

from typing import Any

from grafana_foundation_sdk.builders import common, dashboard, geomap, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common as shapes
from grafana_foundation_sdk.models import dashboard as model

from dashboards.boards.catalogue import quantity_name
from dashboards.boards.panel import Panel, Step
from dashboards.boards.question import Events, Latest, Question, Silent, Total
from dashboards.boards.words import UNKNOWN_STATE
from dashboards.grafana.query import Place, Target, query_of
from dashboards.grafana.tones import COLOURS, UNITS

SERIES_NAME = "${__field.labels.device} ${__field.labels.direction} ${__field.labels.quantile}"
_WORDS = {
    "device": ("Thiết bị", "Device"), "direction": ("Hướng", "Direction"), "_measurement": ("Loại", "Kind"), "_time": ("Lúc", "Time"),
    "_value": ("Giá trị", "Value"),
}  # fmt: skip


def panel_of(panel: Panel, number: int, at: model.GridPos, place: Place) -> Builder[model.Panel]:
    """The builder of a panel with that id at that place of the grid."""
    shown = _SHAPES[panel.draw](panel, place)
    shown.id(number).title(panel.title.in_(place.language)).description(panel.about.in_(place.language)).grid_pos(at)
    shown.datasource(place.source_ref).with_target(Target(query_of(panel, place), place.source_ref))
    shown.interval(f"{panel.least_min}m").unit(UNITS[panel.unit]).thresholds(_thresholds(panel))
    if panel.low is not None and panel.draw != "states":
        shown.min(panel.low)
    if panel.high is not None:
        shown.max(panel.high)
    if place.documentation:
        page = f"{place.documentation.rstrip('/')}/{panel.runbook}"
        words = "Ý nghĩa và việc cần làm" if place.language == "vi" else "What it means and what to do"
        shown.links([dashboard.DashboardLink(words).type(model.DashboardLinkType.LINK).url(page).target_blank(True)])
    return shown  # type: ignore[no-any-return]  # the builders of the kinds have no type in common


def _lines(panel: Panel, place: Place) -> Any:  # noqa: ANN401  # one of the SDK's many builders
    bars = panel.draw == "bars"
    style = common.GraphThresholdsStyleConfig().mode(shapes.GraphThresholdsStyleMode.DASHED)
    shown = timeseries.Panel().display_name(SERIES_NAME if not _is_pooled(panel.question) else "${__field.labels._measurement}")
    shown.draw_style(shapes.GraphDrawStyle.BARS if bars else shapes.GraphDrawStyle.LINE).line_width(1 if bars else 2)
    shown.fill_opacity(70 if bars else 0).span_nulls(False).show_points(shapes.VisibilityMode.AUTO)
    shown.legend(
        common.VizLegendOptions().show_legend(True).display_mode(shapes.LegendDisplayMode.LIST).placement(shapes.LegendPlacement.BOTTOM)
    )
    if panel.thresholds:
        shown.thresholds_style(style)
    if bars:  # counts and sums only; means do not add up
        shown.stacking(common.StackingConfig().mode(shapes.StackingMode.NORMAL))
    return shown


def _stat(panel: Panel, place: Place) -> Any:  # noqa: ANN401  # as above
    return (
        stat.Panel().reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False).fields(""))
        .graph_mode(shapes.BigValueGraphMode.NONE).color_mode(shapes.BigValueColorMode.VALUE).display_name("${__field.labels.device}")
    )  # fmt: skip


def _counts(panel: Panel, place: Place) -> Any:  # noqa: ANN401  # as above
    shown = _stat(panel, place).display_name("${__field.labels.name}").text_mode(shapes.BigValueTextMode.VALUE_AND_NAME)
    for state in (*panel.states, UNKNOWN_STATE):
        colour = model.FieldColor(model.FieldColorModeId.FIXED, COLOURS[state.tone])
        shown.override_by_name(state.name.in_(place.language), [model.DynamicConfigValue("color", colour)])
    return shown


def _states(panel: Panel, place: Place) -> Any:  # noqa: ANN401  # as above
    shown = statetimeline.Panel().display_name(SERIES_NAME).merge_values(True).show_value(shapes.VisibilityMode.AUTO).fill_opacity(85)
    return shown.row_height(0.85).mappings([_state_words(panel, place)])


def _map(panel: Panel, place: Place) -> Any:  # noqa: ANN401  # as above
    where = common.FrameGeometrySource().mode(shapes.FrameGeometrySourceMode.COORDS).latitude("latitude").longitude("longitude")
    marks = {"color": {"field": "_value", "fixed": COLOURS["ok"]}, "size": {"fixed": 7, "min": 5, "max": 12}, "opacity": 0.9}
    layer = common.MapLayerOptions().type("markers").name(panel.title.in_(place.language)).location(where)
    layer.config({"style": marks, "showLegend": True}).tooltip(True)
    shown = geomap.Panel().layers([layer]).basemap(common.MapLayerOptions().type("default").name(""))
    shown.view(geomap.MapViewConfig().id("fit").all_layers(True)).mappings([_state_words(panel, place)])
    return shown.override_by_name("latitude", [_hidden()]).override_by_name("longitude", [_hidden()])


def _table(panel: Panel, place: Place) -> Any:  # noqa: ANN401  # as above
    shown = table.Panel().show_header(True)
    names = {device.id: place.city.site_of(device.id) for device in place.city.device}
    sites = {device: f"{getattr(site, place.language) or site.id} · {device}" for device, site in names.items()}
    kinds = {name: quantity_name(name).in_(place.language) for name in _quantities(panel.question)}
    for column, words in _WORDS.items():
        properties = [model.DynamicConfigValue("displayName", words[place.language == "en"])]
        if column == "device" and sites:
            properties.append(model.DynamicConfigValue("mappings", [_word_map(sites)]))
        if column == "_measurement" and kinds:
            properties.append(model.DynamicConfigValue("mappings", [_word_map(kinds)]))
        if column == "_value" and panel.states:
            properties.append(model.DynamicConfigValue("mappings", [_state_words(panel, place)]))
        shown.override_by_name(column, properties)
    return shown


_SHAPES = {"lines": _lines, "bars": _lines, "stat": _stat, "counts": _counts, "states": _states, "map": _map, "table": _table}


def _thresholds(panel: Panel) -> dashboard.ThresholdsConfig:
    """By its states for a panel that has some, else by its own steps."""
    states = (Step(number, state.tone) for number, state in enumerate(panel.states)) if panel.draw in ("states", "map") else ()
    steps = tuple(states) or panel.thresholds
    first = model.Threshold(None, COLOURS["unknown" if panel.draw in ("states", "map") else "ok"])
    found = [first, *(model.Threshold(step.value, COLOURS[step.tone]) for step in steps)]
    return dashboard.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(found)


def _state_words(panel: Panel, place: Place) -> model.ValueMap:
    words = {str(number): (state.name.in_(place.language), COLOURS[state.tone]) for number, state in enumerate(panel.states)}
    words["-1"] = (UNKNOWN_STATE.name.in_(place.language), COLOURS["unknown"])
    return model.ValueMap({key: model.ValueMappingResult(name, colour) for key, (name, colour) in words.items()})


def _word_map(words: dict[str, str]) -> model.ValueMap:
    return model.ValueMap({key: model.ValueMappingResult(word) for key, word in words.items()})


def _hidden() -> model.DynamicConfigValue:
    return model.DynamicConfigValue("custom.hideFrom", {"tooltip": True, "viz": False, "legend": True})


def _quantities(question: Question) -> tuple[str, ...]:
    return question.of.quantities if isinstance(question, Latest | Events | Total | Silent) else ()


def _is_pooled(question: Question) -> bool:
    """Whether its series have no device to be called by."""
    return getattr(question, "split", "all" if not hasattr(question, "of") else "") == "all" or type(question).__name__ == "EventCounts"
