"""The documents promise what exists: make targets, links, commands, settings, topics and quantities."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from city_model.events import EventType
from city_model.quantities import QUANTITIES
from city_model.topics import LOG_TOPICS, STREAMS
from tests.house import cli_page
from tests.house.tree import ROOT

_FRONT = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")
_PAGES = [*(ROOT / name for name in _FRONT), *sorted((ROOT / "docs").rglob("*.md"))]
_TARGETS = {"help", "demo", "check", "test", "influxd", "live", "bench"}


def text(path: Path | str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def test_the_makefile_has_its_targets_and_help_prints_them() -> None:
    assert set(re.findall(r"^([a-z]+):.*## ", text("Makefile"), re.MULTILINE)) == _TARGETS


def test_the_readme_has_two_commands_and_ci_runs_both() -> None:
    (block,) = re.findall(r"```sh\n(.*?)```", text("README.md"), re.DOTALL)
    said = [line.split("#")[0].strip() for line in block.splitlines()]
    assert said == ["make demo", "make test"]
    for command in said:
        assert re.search(rf"^(timeout .*)?make (--no-print-directory )?{command.split()[1]}\b", text(".ci/run"), re.MULTILINE)


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_points_to_exists(page: Path) -> None:
    body = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", body):
        assert target.startswith("http") or (page.parent / target).exists(), target
    for target in re.findall(r"\bmake ([a-z]+)\b", body):
        assert target in {*_TARGETS, "sure", "a", "the", "it", "them", "targets"}, target


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_commands_and_options_a_page_shows_exist(page: Path) -> None:
    known = cli_page.page()
    for shown in re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
        for line in shown.replace("\\\n", " ").splitlines():
            words = line.split("#")[0].split()
            if words[:1] == ["saola"] and not words[1].startswith("-"):
                headings = [h for h in re.findall(r"^## `(saola [^`]+)`", known, re.MULTILINE) if line.strip().startswith(h)]
                assert headings, line
                section = known.split(f"## `{max(headings, key=len)}`")[1].split("\n## ")[0]
                for option in (word.split("=")[0] for word in words if word.startswith("--")):
                    assert option in section, line


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_a_page_names_in_code_marks_exist(page: Path) -> None:
    rooms = r"(?:city_model|edge_agent|broker_config|stream_processor|dashboards|simulators|tests|benchmarks|docs)"
    for named in re.findall(rf"`({rooms}/[A-Za-z0-9_/.-]+?)/?`", page.read_text(encoding="utf-8")):
        assert (ROOT / named).exists(), named


def test_the_reference_of_topics_names_every_topic_and_stream() -> None:
    page = text("docs/reference/topics.md")
    for topic in LOG_TOPICS:
        (row,) = re.findall(rf"^\| `{topic.name}` \|.*$", page, re.MULTILINE)
        kept = "for ever" if topic.retention_ms is None else f"{topic.retention_ms // 86_400_000} day"
        assert kept in row or (topic.compacted and "compacted" in row)
        assert ("compacted" in row) == topic.compacted
    for stream in STREAMS:
        assert re.search(rf"^\| `{stream}` \|", page, re.MULTILINE)


def test_the_reference_of_the_wire_names_every_event_type_and_quantity() -> None:
    page = text("docs/reference/wire.md")
    for kind in EventType:
        assert f"`{kind}`" in page
    for quantity in QUANTITIES.values():
        row = f"| `{quantity.name}` | `{quantity.unit}` | {quantity.low:g}…{quantity.high:g} | {quantity.en} | {quantity.vi} |"
        assert f"\n{row}\n" in page
