"""One word for one thing, files with one idea, functions that fit on a screen."""

from __future__ import annotations

import ast
import re

import pytest

from tests.house.tree import ROOMS, ROOT, files, parsed

_LINES_AT_MOST = 400
_FUNCTION_LINES_AT_MOST = 40
_TEXT = (".py", ".toml", ".html", ".css", ".js", ".json", ".md", ".conf", ".yaml", ".xml")
_FOREIGN = re.compile(r'role="alert(dialog)?"|alert-rules|provisioning/alerting|role", "alert"')
"""Words of WAI-ARIA and of Grafana's HTTP API, which are not ours to choose."""
_VAGUE = re.compile(r"(^|_)(util|utils|helper|helpers|manager|common|misc)(_|$)")
_DOCUMENTS = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "Makefile", "pyproject.toml")


def test_the_word_is_alarm() -> None:
    unwanted = re.compile("al" + "ert", re.IGNORECASE)
    found = []
    for path in (*files(*ROOMS, "docs", "benchmarks", ends=_TEXT), *(ROOT / name for name in _DOCUMENTS)):
        if path.name == "package-lock.json":
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if unwanted.search(_FOREIGN.sub("", line)):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}")
    assert not found, "\n".join(found)


def test_no_file_is_longer_than_one_idea_needs() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in files(*ROOMS, "tests", "benchmarks", ends=(".py", ".js", ".css", ".html"))
        if (lines := path.read_text(encoding="utf-8").count("\n")) > _LINES_AT_MOST
    }
    assert not long


def test_functions_fit_on_a_screen() -> None:
    long = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}: {length} lines"
        for path in files(*ROOMS)
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or 0) - node.lineno + 1) > _FUNCTION_LINES_AT_MOST
    ]
    assert not long, "\n".join(long)


def test_every_module_says_what_it_is_for() -> None:
    silent = [str(path.relative_to(ROOT)) for path in files(*ROOMS, "benchmarks") if not ast.get_docstring(parsed(path))]
    assert not silent


def test_no_module_is_named_after_a_job_title() -> None:
    assert not [str(path) for path in files(*ROOMS, "tests", "benchmarks") if _VAGUE.search(path.stem)]


@pytest.mark.parametrize("word", ["TO" + "DO", "FIX" + "ME", "XX" + "X"])
def test_nothing_is_left_for_later(word: str) -> None:
    found = [
        str(path.relative_to(ROOT)) for path in files(*ROOMS, "tests", "benchmarks") if re.search(rf"\b{word}\b", path.read_text("utf-8"))
    ]
    assert not found


def test_an_ignored_type_error_says_why() -> None:
    bare = re.compile(r"# type: ignore(?!\[[a-z-, ]+\]  # \w)")
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in files(*ROOMS, "tests", "benchmarks")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if bare.search(line) and "re.compile" not in line
    ]
    assert not found
