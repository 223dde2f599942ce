"""Both languages are complete, every text that is used exists, no word is left over, and what is vendored is what the manifest says."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import get_args

import pytest

from city_model.events import AlarmKind, Transition
from city_model.lifecycle import acts
from dashboards.console import vendor
from dashboards.console.app import STATIC
from dashboards.console.people import Role
from stream_processor.core.air.advice import advice
from stream_processor.core.sensors.port import Fault

_PAGE = [path for path in STATIC.iterdir() if path.suffix in {".js", ".html"}]
_CATALOGUES = {lang: json.loads((STATIC / f"{lang}.json").read_text(encoding="utf-8")) for lang in ("vi", "en")}
_PARTS = re.compile(r"\{(\w+)\}")


def _used() -> tuple[set[str], set[str], set[str]]:
    """(keys that are asked for outright, keys that stand anywhere as a string, beginnings of keys that are put together)."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in _PAGE)
    asked = set(re.findall(r'\bt\(\s*"([^"]+)"', text)) | set(re.findall(r'data-i18n(?:-label)?="([^"]+)"', text))
    named = set(re.findall(r'"([a-z]+(?:\.[a-z0-9_]+)+)"', text))
    beginnings = set(re.findall(r"`([a-z]+(?:\.[a-z0-9_]+)*\.)\$\{", text))
    roots = {key.split(".")[0] for key in _CATALOGUES["vi"]}
    return asked, asked | named, {beginning for beginning in beginnings if beginning.split(".")[0] in roots}


def test_both_languages_have_the_same_keys_and_the_same_blanks() -> None:
    vi, en = _CATALOGUES["vi"], _CATALOGUES["en"]
    assert vi.keys() == en.keys()
    assert {key: set(_PARTS.findall(vi[key])) for key in vi} == {key: set(_PARTS.findall(en[key])) for key in en}
    assert all(text.strip() for catalogue in (vi, en) for text in catalogue.values())


def test_every_text_that_is_used_exists_and_every_text_is_used() -> None:
    asked, named, beginnings = _used()
    known = _CATALOGUES["vi"].keys()
    assert asked - known == set()
    assert [b for b in beginnings if not any(key.startswith(b) for key in known)] == []
    unused = {key for key in known - named if not any(key.startswith(b) for b in beginnings)}
    assert unused == set()


def _rules() -> set[str]:
    """Every rule that can raise an alarm, as it is delivered."""
    exceedance = {"so2_1h", "so2_24h", "co_1h", "co_8h", "no2_1h", "no2_24h", "o3_1h", "o3_8h", "pm10_24h", "pm25_24h"}
    road = {"congestion", "loop_congestion", "stopped_vehicle", "wrong_way", "incident"}
    upkeep = {"camera_health", "sensor_health", "gateway_down", "chattering"}
    return exceedance | road | upkeep | {"pm25_1h", "rapid_rise", "plume"}


@pytest.mark.parametrize("lang", ["vi", "en"])
def test_every_rule_act_and_transition_has_its_words(lang: str) -> None:
    wanted = {f"rule.{rule}" for rule in _rules()}
    wanted |= {f"kind.{kind}" for kind in get_args(AlarmKind)} | {f"kind.of.{kind}" for kind in get_args(AlarmKind)}
    wanted |= {f"act.{act}" for act in acts()} | {f"done.{act.undo}" for act in acts().values() if act.undo}
    wanted |= {f"transition.{transition}" for transition in get_args(Transition)}
    wanted |= {f"role.{role}" for role in get_args(Role)}
    wanted |= {f"fault.{fault.name}".lower() for fault in Fault if fault is not Fault.FOG}
    wanted |= {f"because.{rule}" for rule in ("camera_health", "sensor_health", "gateway_down", "chattering")}
    assert wanted - _CATALOGUES[lang].keys() == set()


@pytest.mark.parametrize("band", range(1, 7))
def test_advice_on_the_page_is_that_of_the_index(band: int) -> None:
    """The page cannot import the core, so its words are the same words."""
    told = advice((25, 75, 125, 175, 250, 400)[band - 1])
    for lang, general, sensitive in (("vi", told.general_vi, told.sensitive_vi), ("en", told.general_en, told.sensitive_en)):
        assert _CATALOGUES[lang][f"advice.{band}"] == general
        assert band == 1 or _CATALOGUES[lang][f"advice.sensitive.{band}"] == sensitive


@pytest.mark.parametrize("path", [*_PAGE, STATIC / "en.json"], ids=lambda path: path.name)
def test_the_word_is_alarm(path: Path) -> None:
    assert not re.search(r"\balert", path.read_text(encoding="utf-8"), re.IGNORECASE)


def test_nothing_inline_and_nothing_from_elsewhere() -> None:
    """What the policy would block must not be tried: no inline style or script, no foreign address."""
    for path in [*_PAGE, *STATIC.glob("*.css")]:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r'\sstyle="|<script>|\son\w+="|innerHTML|insertAdjacentHTML|document\.write', text), path.name
        assert not re.findall(r"https?://(?!www\.w3\.org/2000/svg)", text), path.name


def test_colours_stand_in_the_tokens_only() -> None:
    for path in STATIC.glob("*.css"):
        if path.name not in {"tokens.css", "boards.css"}:  # the boards have colours for lines of their own
            assert not re.findall(r"[:, ]#[0-9a-fA-F]{3,8}\b|\brgba?\(", path.read_text(encoding="utf-8")), path.name


def test_vendored_files_are_what_the_manifest_says() -> None:
    assert vendor.MANIFEST.read_text(encoding="utf-8") == vendor.manifest()
    licences = (vendor.VENDOR / "LICENSES.txt").read_text(encoding="utf-8")
    assert "Volodymyr Agafonkin" in licences
    assert "Leon Sorokin" in licences


def test_scripts_are_light() -> None:
    """At most 200 kB of scripts, packed, of every page together."""
    assert sum(len(gzip.compress(path.read_bytes())) for path in STATIC.rglob("*.js")) <= 200_000
