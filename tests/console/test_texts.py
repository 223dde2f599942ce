"""Both languages are complete, every text that is used exists, no word is left over, and what is vendored is what the manifest says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from dashboards.console import vendor
from dashboards.console.app import STATIC

_PAGE = [path for path in STATIC.iterdir() if path.suffix in {".js", ".html"}]
_CATALOGUES = {lang: json.loads((STATIC / f"{lang}.json").read_text(encoding="utf-8")) for lang in ("vi", "en")}
_PARTS = re.compile(r"\{(\w+)\}")


def _used() -> tuple[set[str], set[str]]:
    """(whole keys, beginnings of keys) that the page asks for."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in _PAGE)
    keys = set(re.findall(r'\bt\(\s*"([^"]+)"', text)) | set(re.findall(r'data-i18n(?:-label)?="([^"]+)"', text))
    keys |= set(re.findall(r'"((?:fact|strip|action|because|chart)\.[a-z.]+)"', text))
    beginnings = set(re.findall(r"\bt\(`([a-z.]+)\$\{", text))
    return keys, beginnings


def test_both_languages_have_the_same_keys_and_the_same_blanks() -> None:
    vi, en = _CATALOGUES["vi"], _CATALOGUES["en"]
    assert vi.keys() == en.keys()
    assert {key: set(_PARTS.findall(vi[key])) for key in vi} == {key: set(_PARTS.findall(en[key])) for key in en}
    assert all(text.strip() for catalogue in (vi, en) for text in catalogue.values())


def test_every_text_that_is_used_exists_and_every_text_is_used() -> None:
    keys, beginnings = _used()
    known = _CATALOGUES["vi"].keys()
    assert keys - known == set()
    assert [b for b in beginnings if not any(key.startswith(b) for key in known)] == []
    unused = {key for key in known - keys if not any(key.startswith(b) for b in beginnings)}
    assert unused == set()


@pytest.mark.parametrize("path", [*_PAGE, STATIC / "en.json"], ids=lambda path: path.name)
def test_the_word_is_alarm(path: Path) -> None:
    assert not re.search(r"\balert", path.read_text(encoding="utf-8"), re.IGNORECASE)


def test_nothing_inline_and_nothing_from_elsewhere() -> None:
    """What the policy would block must not be tried: no inline style or script, no foreign address."""
    for path in [*_PAGE, STATIC / "console.css"]:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r'\sstyle="|<script>|\son\w+="|innerHTML|insertAdjacentHTML|document\.write', text), path.name
        assert not re.findall(r"https?://(?!www\.w3\.org/2000/svg)", text), path.name


def test_colours_stand_in_the_tokens_only() -> None:
    assert not re.findall(r"#[0-9a-fA-F]{3,8}\b|\brgba?\(", (STATIC / "console.css").read_text(encoding="utf-8"))


def test_vendored_files_are_what_the_manifest_says() -> None:
    assert vendor.MANIFEST.read_text(encoding="utf-8") == vendor.manifest()
    licences = (vendor.VENDOR / "LICENSES.txt").read_text(encoding="utf-8")
    assert "Volodymyr Agafonkin" in licences
    assert "Leon Sorokin" in licences
