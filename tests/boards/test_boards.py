"""What a board must be whatever draws it: nothing overlaps, ids are unique, words exist in both languages, every panel is used."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from city_model.registry import City
from dashboards.boards.catalogue import ORDER, all_boards, all_panels
from dashboards.boards.panel import COLUMNS, Panel, Text
from dashboards.boards.question import Count, EventCounts, Windows
from dashboards.grafana.board import LANGUAGES, render, uid_of

Json = dict[str, Any]


def dashboards(city: City) -> list[tuple[str, Json]]:
    return [row for language in LANGUAGES for row in render(city, language, source="the-source").items()]


def test_rows_are_full_and_every_panel_stands_on_a_board() -> None:
    for board in all_boards().values():
        assert [sum(cell.width for cell in line.cells) for line in board.lines] == [COLUMNS] * len(board.lines), board.name
        assert max(Counter(panel.name for panel in board.panels()).values()) == 1
        assert set(board.down) <= set(ORDER)
    assert {panel.name for board in all_boards().values() for panel in board.panels()} == all_panels().keys()
    assert all(name == panel.name for name, panel in all_panels().items())


def test_nothing_overlaps_and_ids_are_unique(city: City) -> None:
    for uid, board in dashboards(city):
        places = [panel["gridPos"] for panel in board["panels"]]
        assert all(p["x"] >= 0 and p["x"] + p["w"] <= COLUMNS and p["w"] > 0 and p["h"] > 0 for p in places), uid
        assert not [pair for pair in combinations(places, 2) if overlap(*pair)], uid
        assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    uids = [board["uid"] for _, board in dashboards(city)]
    assert len(set(uids)) == len(uids) == len(ORDER) * len(LANGUAGES)
    assert all(len(uid) <= 40 for uid in uids)


def overlap(a: Json, b: Json) -> bool:
    return bool(a["x"] < b["x"] + b["w"] and b["x"] < a["x"] + a["w"] and a["y"] < b["y"] + b["h"] and b["y"] < a["y"] + a["h"])


def test_the_overlap_of_two_places_is_seen() -> None:
    assert overlap({"x": 0, "y": 0, "w": 12, "h": 8}, {"x": 11, "y": 7, "w": 12, "h": 8})
    assert not overlap({"x": 0, "y": 0, "w": 12, "h": 8}, {"x": 12, "y": 0, "w": 12, "h": 8})


def test_the_only_data_source_is_the_one_given(city: City) -> None:
    known = {"type": "influxdb", "uid": "the-source"}
    for uid, board in dashboards(city):
        found = [*sources(board)]
        assert found, uid
        assert all(source == known for source in found), uid


def sources(value: object) -> list[object]:
    if isinstance(value, dict):
        here = [value["datasource"]] if "datasource" in value else []
        return here + [one for inner in value.values() for one in sources(inner)]
    return [one for inner in value for one in sources(inner)] if isinstance(value, list) else []


def test_links_lead_to_boards_of_the_same_language(city: City) -> None:
    known = {f"/d/{uid}" for uid, _ in dashboards(city)}
    for language in LANGUAGES:
        for name in ORDER:
            links = render(city, language)[uid_of(name, language)]["links"]
            assert links
            assert {link["url"] for link in links} <= {url for url in known if url.endswith(language)}


@pytest.mark.parametrize("panel", all_panels().values(), ids=lambda panel: panel.name)
def test_a_panel_has_words_in_both_languages_and_a_unit(panel: Panel) -> None:
    texts: list[Text] = [panel.title, panel.about, *(state.name for state in panel.states)]
    assert all(text.vi.strip() and text.en.strip() for text in texts)
    assert len(panel.about.vi) > 20
    steps = [step.value for step in panel.thresholds]
    assert steps == sorted(set(steps))
    if isinstance(panel.question, Windows) and panel.question.aggregate == "last":
        assert panel.question.split == "series", "there is no last value of several series"
    if panel.draw == "stat" and not isinstance(panel.question, Count):
        assert not isinstance(panel.question, EventCounts)


def test_a_city_without_devices_or_with_odd_names_renders(city: City) -> None:
    empty = City("Trống", "Empty")
    assert len(render(empty, "vi")) == len(ORDER)


def test_only_what_adds_up_is_stacked() -> None:
    for panel in all_panels().values():
        if panel.draw == "bars":
            assert isinstance(panel.question, EventCounts) or getattr(panel.question, "aggregate", "") in ("sum", "count"), panel.name


def test_the_reference_says_what_every_panel_means() -> None:
    page = (Path(__file__).parents[2] / "docs/reference/boards.md").read_text(encoding="utf-8")
    for panel in all_panels().values():
        said = f"### {panel.name}\n\n**{panel.title.en}** (`{type(panel.question).__name__}`, {panel.unit}). {panel.about.en}\n"
        assert said in page, panel.name
    for board in all_boards().values():
        assert f"| `{board.name}` | {board.title.en}. {board.about.en} |" in page
