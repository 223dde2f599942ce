"""Boards and provisioning as files: what Grafana would read, and who may read the token."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

from city_model.faults import ConfigError
from dashboards.grafana.files import write_provisioning
from dashboards.grafana.wanted import FOLDERS, HEALTH, Board, Wanted, boards_of, source_of
from stream_processor.stores.influx_file import InfluxFile
from tests.grafana.conftest import CITY, INFLUX_TOKEN, Saola
from tests.grafana.server import Grafana


def read(path: Path) -> Any:  # noqa: ANN401 - YAML or JSON
    text = path.read_text(encoding="utf-8")
    return json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)


def test_render_prints_every_board_in_both_languages(saola: Saola) -> None:
    code, out, _ = saola("render", "--city", CITY)
    boards = json.loads(out)
    assert code == 0
    assert len(boards) == 16
    assert all(model["uid"] == uid and model["editable"] is False for uid, model in boards.items())
    assert saola("render", "--city", CITY) == (0, out, "")


def test_render_writes_a_file_a_board_and_removes_what_is_no_longer_drawn(saola: Saola, tmp_path: Path) -> None:
    out = tmp_path / "boards"
    (out / "saola-vi").mkdir(parents=True)
    (out / "saola-vi" / "saola-old-vi.json").write_text("{}")
    (out / "theirs.json").write_text("{}")
    code, said, _ = saola("render", "--city", CITY, "--out", out)
    written = sorted(path.relative_to(out).as_posix() for path in out.rglob("*.json"))
    assert code == 0
    assert sorted(said.split()) == sorted(str(out / name) for name in written if name != "theirs.json")
    assert "saola-vi/saola-city-vi.json" in written
    assert "saola-en/saola-city-en.json" in written
    assert "saola-vi/saola-old-vi.json" not in written
    assert "theirs.json" in written


def test_provisioning_is_what_publishing_makes(saola: Saola, grafana: Grafana, tmp_path: Path) -> None:
    saola.on("publish", grafana, language="both")
    code, _, err = saola("render", "--city", CITY, "--influx", saola.influx, "--provisioning", tmp_path, "--installed", "/etc/grafana")
    assert code == 0, err
    place = tmp_path / "provisioning"
    (source,) = read(place / "datasources" / "saola.yaml")["datasources"]
    (made,) = grafana.sources.values()
    assert {key: made[key] for key in ("uid", "name", "type", "access", "url", "jsonData")} == {
        key: source[key] for key in ("uid", "name", "type", "access", "url", "jsonData")
    }
    assert source["editable"] is False
    providers = {one["folderUid"]: one for one in read(place / "dashboards" / "saola.yaml")["providers"]}
    assert set(providers) == {"saola-vi", "saola-en"}
    assert {one["allowUiUpdates"] for one in providers.values()} == {False}
    assert providers["saola-vi"]["options"]["path"] == "/etc/grafana/provisioning/dashboards/saola-vi"
    for uid, versions in grafana.boards.items():
        model = read(place / "dashboards" / versions[-1]["folderUid"] / f"{uid}.json")
        assert {**versions[-1]["data"], "id": 0, "version": 0} == {**model, "id": 0, "version": 0}
    (group,) = read(place / "alerting" / "saola.yaml")["groups"]
    assert (group["folder"], group["interval"]) == (HEALTH.title, "1m")
    for rule in group["rules"]:
        assert {**grafana.rules[rule["uid"]], **rule} == grafana.rules[rule["uid"]]


def test_the_token_is_in_a_file_that_only_its_owner_reads(saola: Saola, tmp_path: Path) -> None:
    saola("render", "--city", CITY, "--influx", saola.influx, "--provisioning", tmp_path / "g")
    holding = [path for path in (tmp_path / "g").rglob("*") if path.is_file() and INFLUX_TOKEN in path.read_text(encoding="utf-8")]
    token = tmp_path / "g" / "provisioning" / "datasources" / "saola-influx-token"
    assert holding == [token]
    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    (source,) = read(token.with_name("saola.yaml"))["datasources"]
    assert source["secureJsonData"] == {"token": f"$__file{{{token}}}"}


def test_what_grafana_would_take_for_a_variable_is_doubled(tmp_path: Path) -> None:
    source, secret = source_of(InfluxFile("http://127.0.0.1:8086", "gi$organisation", "b${x}", "t"))
    rule = {"uid": "a", "title": "A", "annotations": {"summary": "{{ $labels.device }}"}, "data": [{"model": {"query": '"$x"'}}]}
    board = Board("b", FOLDERS["vi"], {"title": "$area", "uid": "b"})
    list(write_provisioning(tmp_path, Wanted(source, secret, (HEALTH,), (board,), (rule,)), "/etc/grafana/"))
    (written,) = read(tmp_path / "provisioning" / "datasources" / "saola.yaml")["datasources"]
    assert written["jsonData"]["organization"] == "gi$$organisation"
    assert written["jsonData"]["defaultBucket"] == "b$${x}"
    assert written["secureJsonData"]["token"] == "$__file{/etc/grafana/provisioning/datasources/saola-influx-token}"
    (group,) = read(tmp_path / "provisioning" / "alerting" / "saola.yaml")["groups"]
    assert group["rules"][0]["annotations"]["summary"] == "{{ $$labels.device }}"
    assert group["rules"][0]["data"][0]["model"]["query"] == '"$$x"'
    assert read(tmp_path / "provisioning" / "dashboards" / "saola-vi" / "b.json")["title"] == "$area"


def test_an_authority_of_influxdb_goes_along(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\n", encoding="ascii")
    source, secret = source_of(InfluxFile("https://influx:8086", token="t", ca_file=str(tmp_path / "ca.pem")))
    assert source["jsonData"]["tlsAuthWithCACert"] is True
    list(write_provisioning(tmp_path, Wanted(source, secret, (), (), ()), "/etc/grafana"))
    (written,) = read(tmp_path / "provisioning" / "datasources" / "saola.yaml")["datasources"]
    assert written["secureJsonData"]["tlsCACert"] == "$__file{/etc/grafana/provisioning/datasources/saola-influx-ca.pem}"


def test_provisioning_without_influxdbs_file_is_refused(saola: Saola, tmp_path: Path) -> None:
    code, _, err = saola("render", "--city", CITY, "--provisioning", tmp_path / "g")
    assert code == 2
    assert "--influx: is missing" in err
    assert not (tmp_path / "g").exists()


def test_two_boards_of_one_uid_are_refused() -> None:
    with pytest.raises(ConfigError, match="is the uid of two boards"):
        boards_of({"vi": {"a": {}}, "en": {"a": {}}})
