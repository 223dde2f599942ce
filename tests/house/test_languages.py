"""Vietnamese and English say the same things, and the page asks for nothing else."""

from __future__ import annotations

import json
import re
from itertools import pairwise

import pytest

from city_model.quantities import QUANTITIES
from tests.house.tree import ROOT, files

_STATIC = ROOT / "dashboards" / "console" / "static"
_VIETNAMESE = re.compile(r"[ăâđêôơưàảãáạằẳẵắặầẩẫấậèẻẽéẹềểễếệìỉĩíịòỏõóọồổỗốộờởỡớợùủũúụừửữứựỳỷỹýỵ]", re.IGNORECASE)


def catalogue(language: str) -> dict[str, str]:
    """One catalogue; a key that stands twice is an error."""

    def unique(pairs: list[tuple[str, str]]) -> dict[str, str]:
        keys = sorted(key for key, _ in pairs)
        assert not [one for one, other in pairwise(keys) if one == other]
        return dict(pairs)

    found: dict[str, str] = json.loads((_STATIC / f"{language}.json").read_text(encoding="utf-8"), object_pairs_hook=unique)
    return found


def test_both_catalogues_have_the_same_keys_and_no_empty_text() -> None:
    vi, en = catalogue("vi"), catalogue("en")
    assert vi.keys() == en.keys()
    assert not [key for both in (vi, en) for key, text in both.items() if not text.strip()]


def test_both_catalogues_fill_in_the_same_things() -> None:
    vi, en = catalogue("vi"), catalogue("en")
    holes = re.compile(r"\{(\w+)")
    assert [key for key in vi if set(holes.findall(vi[key])) != set(holes.findall(en[key]))] == []


def test_vietnamese_is_vietnamese_and_english_is_not() -> None:
    vi, en = catalogue("vi"), catalogue("en")
    assert sum(bool(_VIETNAMESE.search(text)) for text in vi.values()) > len(vi) / 2
    assert [key for key, text in en.items() if _VIETNAMESE.search(text) and text != vi[key]] == []


def test_the_page_asks_for_no_text_that_is_not_there() -> None:
    keys = catalogue("en").keys()
    asked = re.compile(r"""data-i18n[\w-]*="([\w.]+)"|\bt\(\s*["']([\w.]+)["']""")
    for path in files("dashboards/console/static", ends=(".html", ".js")):
        for first, second in asked.findall(path.read_text(encoding="utf-8")):
            key = first or second
            assert key in keys or (key.endswith(".") and any(known.startswith(key) for known in keys)), f"{path.name}: {key}"


@pytest.mark.parametrize("name", sorted(QUANTITIES))
def test_every_quantity_has_both_names(name: str) -> None:
    assert QUANTITIES[name].vi.strip()
    assert QUANTITIES[name].en.strip()
