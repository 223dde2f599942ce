"""The pages of docs/reference that are written from the code: `python -m tests.house.pages` writes them anew. A test compares."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from broker_config import settings as broker_settings
from city_model.registry import City
from city_model.transport.credentials import Credentials
from dashboards.console.people import ConsoleSettings
from edge_agent import site
from edge_agent.sources import air_map
from simulators.story import Story
from stream_processor.core.alarms.settings import AlarmSettings
from stream_processor.core.sensors.corrections import CorrectionSettings
from stream_processor.core.settings import derivation_modules, detector_modules
from stream_processor.core.vision import geometry
from stream_processor.notify.settings import NotifySettings
from stream_processor.stores.influx_file import InfluxFile
from tests.house import cli_page
from tests.house.settings_page import sections
from tests.house.tree import ROOT

_REFERENCE = ROOT / "docs" / "reference"
_READ = """\
All files are TOML. They are checked whole before the first socket opens; every problem is reported at once with file, key, what was
found and what was expected, and the exit code is 2. An unknown key is a problem too."""
_STORY = """\
One file, one story: `simulators/scenarios/<name>.toml`, played by `saola scenario run <name>`. It says which city, which seed, what
happens when, what the devices do wrong, and which alarms must come of it. Times are minutes after the live part begins; negative ones
are history, which is fed first through the same path."""
_WRITTEN = "This page is written from the classes that read the files, by `python -m tests.house.pages`; a test compares them."


def _configuration() -> str:
    parts = [
        "# Configuration files",
        _WRITTEN,
        _READ,
        "## `city.toml`: the registry",
        "Read by every service. Areas, sites and devices, each with an id that may stand in a topic.",
        *sections(City),
        "## `broker.toml`: what the servers are told",
        *_told(broker_settings),
        *sections(broker_settings.BrokerSettings),
        "## `site.toml`: what one agent is",
        "Read by `saola edge`. Relative paths are relative to the file.",
        *_told(site),
        *sections(site.Site),
        "## `CAMERA.toml`: what one camera sees",
        "Named by `geometry` in `site.toml` and by `saola demo --camera`; `saola vision --cameras` finds `<device>.toml` in a folder.",
        *_told(geometry),
        *sections(geometry.CameraGeometry),
        "## `MAP.toml`: what the columns of a CSV mean",
        "Named by `map` in `site.toml` and by `saola demo --map`.",
        *_told(air_map),
        *sections(air_map.AirMap),
        "## `core.toml`: what the core is told",
        _CORE,
        *sections(AlarmSettings, "alarms"),
        *sections(CorrectionSettings, "corrections"),
        *(part for name, module in detector_modules() for part in sections(module.Settings, f"detectors.{name}")),
        *(part for name, module in derivation_modules() for part in sections(module.Settings, f"derivations.{name}")),
        "## `notify.toml`: who is told what",
        "Read by `saola notify`.",
        *sections(NotifySettings),
        "## `console.toml`: who sees whose sites",
        "Named by `saola console --config`.",
        *sections(ConsoleSettings),
        "## `influx-write.toml`, `influx-read.toml`: how InfluxDB is reached",
        "Written by `saola store setup`, mode 0600, and named by `--store influx:FILE`.",
        *sections(InfluxFile),
        "## Credentials",
        "One file per user, mode 0600, written by `saola broker render` and `saola device add`.",
        *sections(Credentials),
    ]
    return "\n\n".join(part.rstrip() for part in parts) + "\n"


def _told(module: ModuleType) -> Iterator[str]:
    """The text of a module below its first paragraph, with its TOML as code."""
    blocks: list[tuple[bool, list[str]]] = []
    is_code = False
    for line in inspect.cleandoc(module.__doc__ or "").partition("\n\n")[2].splitlines():
        is_code = line.startswith(("[", "    ")) or (is_code and (not line or " = " in line))
        if not blocks or blocks[-1][0] != is_code:
            blocks.append((is_code, []))
        blocks[-1][1].append(line)
    for code, lines in blocks:
        text = textwrap.dedent("\n".join(lines)).strip().removesuffix("::")
        if text:
            yield f"```toml\n{text}\n```" if code else text


_CORE = """\
Optional; every setting has a default.

| Key | Kind | Bounds | Default |
|---|---|---|---|
| `lateness_s` | number | 0…86400 | `120.0` |
| `future_s` | number | 1…86400 | `300.0` |

`lateness_s` is how long a gap is waited for, and how old an item may be to raise a live alarm. `future_s` is how far ahead of the last tick
an item may be; what is beyond becomes a dead letter."""


def _scenario() -> str:
    parts = [
        "# Scenario files",
        _WRITTEN,
        _STORY,
        *sections(Story),
    ]
    return "\n\n".join(part.rstrip() for part in parts) + "\n"


def pages() -> dict[Path, str]:
    """Path and text of each page."""
    return {
        _REFERENCE / "cli.md": cli_page.page(),
        _REFERENCE / "configuration.md": _configuration(),
        _REFERENCE / "scenario.md": _scenario(),
    }


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
