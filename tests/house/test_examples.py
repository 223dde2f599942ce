"""Examples are executed: in docstrings and in the reference."""

from __future__ import annotations

import doctest
import importlib
import re
from pathlib import Path

import pytest

from city_model.codec import cloudevents, plain, senml
from tests.house.tree import ROOMS, ROOT, files

_WITH_EXAMPLES = [path for path in files(*ROOMS) if re.search(r"^\s*>>> ", path.read_text(encoding="utf-8"), re.MULTILINE)]


@pytest.mark.parametrize("path", _WITH_EXAMPLES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_examples_in_a_module_give_what_they_say(path: Path) -> None:
    module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    done = doctest.testmod(module)
    assert done.attempted
    assert done.failed == 0


def json_blocks(page: str) -> list[bytes]:
    return [block.encode() for block in re.findall(r"```json\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)]


def test_the_reference_shows_one_reading_in_two_forms() -> None:
    pack, one = json_blocks("docs/reference/wire.md")
    by_senml, by_json = senml.decode(pack, 0), plain.decode(one)
    assert by_senml.names == by_json.names == ("pm25", "humidity")
    assert by_senml.at_ms.tolist() == by_json.at_ms.tolist()
    assert by_senml.value.tolist() == by_json.value.tolist()


def test_the_structured_event_of_the_how_to_is_one() -> None:
    (structured,) = json_blocks("docs/how-to/add-a-sensor.md")
    event = cloudevents.from_structured(structured)
    assert event.source == "/school-gate/air-school"
    assert plain.decode(event.data).value.tolist() == [31.2, 78.0]
