"""Every dashboard is one by Grafana's own schema: JSON Schema out of the types that Grafana publishes on npm."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from city_model.registry import City
from dashboards.grafana.board import LANGUAGES, render
from tests.servers import require

GRAFANA_SCHEMA = "13.2.3"
GENERATOR = "2.4.0"
_TYPES = "import type { Dashboard } from '@grafana/schema/dist/types/raw/dashboard/x/types.gen';\nexport type City = Dashboard;\n"
_COMMAND = ("npx", "ts-json-schema-generator", "--path", "city.ts", "--type", "City", "--no-type-check", "--out", "dashboard.schema.json")


@pytest.fixture(scope="session")
def schema() -> dict[str, Any]:
    """Made once a machine and version. What runs as an annotation is a query, as the schema's own remark says, and not what it lists."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "saola" / f"grafana-schema-{GRAFANA_SCHEMA}"
    if not (cache / "dashboard.schema.json").exists():
        _make(cache)
    found: dict[str, Any] = json.loads((cache / "dashboard.schema.json").read_text(encoding="utf-8"))
    found["definitions"]["AnnotationTarget"]["additionalProperties"] = True
    return found


def _make(cache: Path) -> None:
    if shutil.which("npm") is None:
        require("grafana-schema", "npm is not installed")
    cache.mkdir(parents=True, exist_ok=True)
    (cache / "package.json").write_text("{}", encoding="utf-8")
    (cache / "city.ts").write_text(_TYPES, encoding="utf-8")
    wanted = (f"@grafana/schema@{GRAFANA_SCHEMA}", f"ts-json-schema-generator@{GENERATOR}")
    for command in (("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", *wanted), _COMMAND):
        done = subprocess.run(command, cwd=cache, capture_output=True, text=True, timeout=170, check=False)
        if done.returncode:
            require("grafana-schema", f"{' '.join(command[:2])}: {done.stderr.strip()[-300:]}")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_dashboard_is_one_by_grafanas_schema(language: str, city: City, schema: dict[str, Any]) -> None:
    check = jsonschema.Draft7Validator(schema)
    for uid, board in render(city, language, console="http://127.0.0.1:8080/", documentation="https://docs.example/").items():
        assert [f"{uid} {list(e.absolute_path)}: {e.message[:200]}" for e in check.iter_errors(board)] == []


def test_the_schema_finds_what_is_wrong(city: City, schema: dict[str, Any]) -> None:
    board = render(city, "en")["saola-city-en"]
    check = jsonschema.Draft7Validator(schema)
    for change in ({"schemaVersion": "forty"}, {"panels": [{"type": 7}]}, {"time": "now"}, {"templating": {"list": [{"name": 1}]}}):
        assert list(check.iter_errors(board | change)), change
