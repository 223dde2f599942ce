"""The same as files, for those who give Grafana files instead of a token: provisioning of data source, boards and rules.

The files are JSON, which is YAML. Grafana replaces `$NAME` in them, so every `$` of ours is doubled; the token stays in a file of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dashboards.grafana.health import GROUP
from dashboards.grafana.wanted import HEALTH, Board, Json, Wanted
from stream_processor.stores.influx_file import write_private

_SOURCES, _BOARDS, _RULES = Path("provisioning/datasources"), Path("provisioning/dashboards"), Path("provisioning/alerting")
_TOKEN = "saola-influx-token"
_CA = "saola-influx-ca.pem"
_OUR_RULE = ("orgID", "folderUID", "ruleGroup")


def write_boards(directory: Path, boards: tuple[Board, ...]) -> Iterator[Path]:
    """One file a board, `<folder>/<uid>.json`; boards of ours that are no longer drawn are removed there."""
    for folder in {board.folder.uid: board.folder for board in boards}.values():
        place = directory / folder.uid
        place.mkdir(parents=True, exist_ok=True)
        due = {f"{board.uid}.json": board for board in boards if board.folder == folder}
        for old in place.glob("*.json"):
            if old.name not in due:
                old.unlink()
        for name, board in due.items():
            yield _written(place / name, board.model)


def write_provisioning(directory: Path, wanted: Wanted, installed: str) -> Iterator[Path]:
    """Everything below `directory`/provisioning; Grafana will find it as `installed` (the directory that holds `provisioning`)."""
    for place in (_SOURCES, _BOARDS, _RULES):
        (directory / place).mkdir(parents=True, exist_ok=True)
    yield from _source(directory, wanted, installed.rstrip("/"))
    yield from write_boards(directory / _BOARDS, wanted.boards)
    providers = [_provider(board, installed.rstrip("/")) for board in {one.folder.uid: one for one in wanted.boards}.values()]
    yield _written(directory / _BOARDS / "saola.yaml", {"apiVersion": 1, "providers": _doubled(providers)})
    rules = [{key: value for key, value in rule.items() if key not in _OUR_RULE} for rule in wanted.rules]
    group = {"orgId": 1, "name": GROUP, "folder": HEALTH.title, "interval": "1m", "rules": rules}
    yield _written(directory / _RULES / "saola.yaml", {"apiVersion": 1, "groups": [_doubled(group)]})


def _source(directory: Path, wanted: Wanted, installed: str) -> Iterator[Path]:
    secret = {"token": f"$__file{{{installed}/{_SOURCES / _TOKEN}}}"}
    write_private(directory / _SOURCES / _TOKEN, wanted.secret["token"])
    yield directory / _SOURCES / _TOKEN
    if authority := wanted.secret.get("tlsCACert"):
        secret["tlsCACert"] = f"$__file{{{installed}/{_SOURCES / _CA}}}"
        (directory / _SOURCES / _CA).write_text(authority, encoding="ascii")
        yield directory / _SOURCES / _CA
    source = {**_doubled(wanted.source), "editable": False, "secureJsonData": secret}
    yield _written(directory / _SOURCES / "saola.yaml", {"apiVersion": 1, "datasources": [source]})


def _provider(board: Board, installed: str) -> Json:
    return {
        "name": board.folder.uid, "folder": board.folder.title, "folderUid": board.folder.uid, "type": "file", "disableDeletion": False,
        "allowUiUpdates": False, "options": {"path": f"{installed}/{_BOARDS}/{board.folder.uid}"},
    }  # fmt: skip


def _doubled(content: Any) -> Any:  # noqa: ANN401 - JSON
    """With every `$` doubled, which Grafana reads as one."""
    if isinstance(content, str):
        return content.replace("$", "$$")
    if isinstance(content, dict):
        return {key: _doubled(value) for key, value in content.items()}
    return [_doubled(one) for one in content] if isinstance(content, list) else content


def _written(path: Path, content: object) -> Path:
    """Replaced whole, so that a Grafana that looks now and then never reads half a file."""
    part = path.with_name(f".{path.name}.part")
    part.write_text(json.dumps(content, indent=2, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")
    part.rename(path)
    return path
