"""Publishing to a Grafana: what is made, that it stays as it is, and what is never overwritten."""

from __future__ import annotations

import json

import pytest

from tests.grafana.conftest import INFLUX_TOKEN, Saola
from tests.grafana.server import ADMIN, Grafana, serving

BOARD = "saola-city-vi"


def test_a_fresh_grafana_gets_everything_once(saola: Saola, grafana: Grafana) -> None:
    code, out, err = saola.on("publish", grafana, language="both")
    assert code == 0, err
    assert set(grafana.folders) == {"saola-vi", "saola-en", "saola-health"}
    assert {uid for uid in grafana.boards if uid.startswith("saola-city")} == {"saola-city-vi", "saola-city-en"}
    assert {versions[-1]["folderUid"] for uid, versions in grafana.boards.items() if uid.endswith("-en")} == {"saola-en"}
    assert out.count(": made") == len(grafana.writes()) == 1 + 2 * 3 + len(grafana.boards) + len(grafana.rules)
    assert {len(versions) for versions in grafana.boards.values()} == {1}


def test_again_nothing_is_written(saola: Saola, grafana: Grafana) -> None:
    saola.on("publish", grafana)
    first = len(grafana.writes())
    code, out, _ = saola.on("publish", grafana)
    assert (code, len(grafana.writes())) == (0, first)
    assert out.startswith("as it should be already: ")
    code, out, err = saola.on("check", grafana)
    assert code == 0, out + err


@pytest.mark.parametrize("new", [True, False], ids=["versions in a table", "versions in a list"])
def test_a_board_that_is_drawn_otherwise_gets_a_new_version(saola: Saola, new: bool) -> None:
    with serving(Grafana(new=new)) as grafana:
        saola.on("publish", grafana)
        code, out, _ = saola.on("publish", grafana, "--console", "https://saola.example/")
        assert code == 0
        assert f"board {grafana.boards[BOARD][-1]['data']['title']} (saola-vi): brought up to date" in out
        assert [one["version"] for one in grafana.boards[BOARD]] == [1, 2]
        assert grafana.boards[BOARD][0]["message"] != grafana.boards[BOARD][1]["message"]


def test_the_data_source_only_reads_and_grafana_keeps_its_token(saola: Saola, grafana: Grafana) -> None:
    saola.on("publish", grafana, "--influx-url", "http://influxdb:8086/")
    (source,) = grafana.sources.values()
    assert (source["type"], source["access"], source["url"]) == ("influxdb", "proxy", "http://influxdb:8086")
    assert source["jsonData"]["version"] == "Flux"
    assert grafana.secrets == {source["uid"]: {"token": INFLUX_TOKEN}}
    used = {one["uid"] for versions in grafana.boards.values() for one in sources_in(versions[-1]["data"])}
    assert used - {"-- Grafana --", "grafana"} == {source["uid"]}


def test_a_new_token_reaches_the_data_source(saola: Saola, grafana: Grafana) -> None:
    saola.on("publish", grafana)
    saola.influx.write_text(saola.influx.read_text("utf-8").replace(INFLUX_TOKEN, "rotated-token"), "utf-8")
    code, out, _ = saola.on("publish", grafana)
    assert (code, out.splitlines()[0]) == (0, "data source Saola InfluxDB: brought up to date")
    assert grafana.secrets["saola-influx"] == {"token": "rotated-token"}
    assert grafana.sources["saola-influx"]["version"] == 2


def test_viewers_and_editors_may_only_look(saola: Saola, grafana: Grafana) -> None:
    saola.on("publish", grafana)
    assert grafana.permissions["saola-vi"] == [
        {"role": "Viewer", "permission": 1}, {"role": "Editor", "permission": 1}, {"userId": 4, "permission": 4},
    ]  # fmt: skip
    assert {versions[-1]["data"]["editable"] for versions in grafana.boards.values()} == {False}
    grafana.permissions["saola-vi"].append({"role": "Viewer", "permission": 2})
    code, out, _ = saola.on("check", grafana)
    assert code == 1
    assert "role Viewer may change boards" in out
    saola.on("publish", grafana)
    assert {one["permission"] for one in grafana.permissions["saola-vi"] if "role" in one} == {1}


def test_rules_are_about_the_platform_alone(saola: Saola, grafana: Grafana) -> None:
    saola.on("publish", grafana)
    asked = {one["labels"]["quantity"] for one in grafana.rules.values()}
    assert asked == {"canary_ms", "errors_per_s", "lag_items", "disk_ratio", "memory_ratio"}
    for rule in grafana.rules.values():
        assert rule["folderUID"] == "saola-health"
        assert [one["refId"] for one in rule["data"]] == ["A", "B", "C"]
        assert "$" not in rule["data"][0]["model"]["query"]


@pytest.mark.parametrize("message", ["", "more red", "Restored from version 1", "saola 0123456789abcdef!"])
def test_a_board_changed_by_hand_stops_everything(saola: Saola, grafana: Grafana, message: str) -> None:
    saola.on("publish", grafana)
    grafana.save_by_hand(BOARD, message, title="Bảng của Lan")
    before = len(grafana.writes())
    code, out, err = saola.on("publish", grafana, "--console", "https://saola.example/")
    assert (code, out, len(grafana.writes())) == (1, "", before)
    assert "by hand: board" in err
    assert "by lan" in err
    assert "nothing was done. --force" in err
    code, out, _ = saola.on("check", grafana)
    assert code == 1
    assert out.count("by hand") == 1


def test_told_to_it_replaces_what_was_changed_by_hand_and_history_keeps_it(saola: Saola, grafana: Grafana) -> None:
    saola.on("publish", grafana)
    grafana.save_by_hand(BOARD, "mine", title="Bảng của Lan")
    code, out, _ = saola.on("publish", grafana, "--force")
    assert code == 0
    assert "replaced what was changed by hand" in out
    assert [one["data"]["title"] == "Bảng của Lan" for one in grafana.boards[BOARD]] == [False, True, False]
    assert saola.on("check", grafana)[0] == 0


def test_a_board_moved_elsewhere_counts_as_changed(saola: Saola, grafana: Grafana) -> None:
    saola.on("publish", grafana)
    grafana.boards[BOARD][-1]["folderUid"] = "theirs"
    code, _, err = saola.on("publish", grafana)
    assert code == 1
    assert "was moved to folder theirs" in err


def test_a_board_changed_while_publishing_is_not_lost(saola: Saola, grafana: Grafana) -> None:
    saola.on("publish", grafana)

    def meanwhile(method: str, path: str) -> None:
        if (method, path) == ("POST", "/dashboards/db") and len(grafana.boards[BOARD]) == 1:
            for uid in grafana.boards:
                grafana.save_by_hand(uid, "just now")

    grafana.before = meanwhile
    for option in ((), ("--force",)):
        for versions in grafana.boards.values():
            del versions[1:]
        code, out, err = saola.on("publish", grafana, "--console", "https://saola.example/", *option)
        assert (code, out) == (4, "")
        assert "changed by somebody else while this ran (version-mismatch); not done: board " in err
        assert {versions[-1]["message"] for versions in grafana.boards.values()} == {"just now"}


def test_boards_from_files_are_left_to_the_files(saola: Saola, grafana: Grafana) -> None:
    saola.on("publish", grafana)
    grafana.boards[BOARD][-1] |= {"provisioned": True, "message": ""}
    assert saola.on("check", grafana)[0] == 0
    code, _, err = saola.on("publish", grafana, "--console", "https://saola.example/", "--force")
    assert code == 1
    assert "from files: board" in err
    assert "saola grafana render --provisioning" in err


def test_a_rule_paused_or_changed_by_hand_is_not_overwritten(saola: Saola, grafana: Grafana) -> None:
    saola.on("publish", grafana)
    grafana.rules["saola-disk"]["isPaused"] = True
    grafana.rules["saola-lag"]["data"][2]["model"]["conditions"] = []
    code, _, err = saola.on("publish", grafana)
    assert code == 1
    assert "A disk is nearly full: is paused" in err
    assert "A service falls behind: asks something else" in err
    assert saola.on("publish", grafana, "--force")[0] == 0
    assert grafana.rules["saola-disk"]["isPaused"] is False


def test_a_data_source_changed_by_hand_is_not_overwritten(saola: Saola, grafana: Grafana) -> None:
    saola.on("publish", grafana)
    grafana.sources["saola-influx"]["url"] = "http://elsewhere:8086"
    code, _, err = saola.on("publish", grafana)
    assert code == 1
    assert "by hand: data source Saola InfluxDB: reads http://elsewhere:8086" in err


def test_what_is_no_longer_drawn_is_told_and_removed_only_when_told(saola: Saola, grafana: Grafana) -> None:
    saola.on("publish", grafana)
    ours, theirs = grafana.boards[BOARD], [{**grafana.boards[BOARD][-1], "message": "mine"}]
    grafana.boards |= {"saola-old-vi": [*ours], "lan-1": theirs}
    grafana.rules["saola-old"] = {**grafana.rules["saola-lag"], "uid": "saola-old"}
    code, out, _ = saola.on("check", grafana)
    assert (code, out.count("left over")) == (1, 2)
    assert saola.on("publish", grafana)[0] == 0
    assert "saola-old-vi" in grafana.boards
    assert saola.on("publish", grafana, "--prune")[0] == 0
    assert "saola-old-vi" not in grafana.boards
    assert "saola-old" not in grafana.rules
    assert "lan-1" in grafana.boards


def test_a_grafana_open_to_anybody_gets_nothing(saola: Saola) -> None:
    with serving(Grafana(anonymous=True)) as grafana:
        code, _, err = saola.on("publish", grafana)
        assert (code, grafana.writes()) == (2, [])
        assert "shows its boards to anybody; nothing was done" in err
        assert saola.on("publish", grafana, "--allow-anonymous")[0] == 0
        code, out, _ = saola.on("check", grafana)
        assert code == 1
        assert out.startswith("open ")


def test_a_grafana_below_a_path(saola: Saola) -> None:
    with serving(Grafana(prefix="/grafana")) as grafana:
        code, _, err = saola.on("publish", grafana)
        assert code == 0, err
        assert grafana.boards


def test_check_tells_machines_what_is_missing(saola: Saola, grafana: Grafana) -> None:
    code, out, _ = saola.on("check", grafana, "--json")
    found = json.loads(out)
    assert code == 1
    assert {one["state"] for one in found if one["kind"] in ("board", "rule", "data source", "folder")} == {"missing"}
    assert grafana.writes() == []


def test_influxdb_out_of_grafanas_reach_is_said_after_all_is_published(saola: Saola, grafana: Grafana) -> None:
    grafana.health = (400, {"status": "ERROR", "message": "dial tcp 10.0.0.9:8086: connect: connection refused"})
    code, _, err = saola.on("publish", grafana)
    assert code == 4
    assert "everything is published, but the data source does not answer: dial tcp 10.0.0.9:8086" in err
    code, out, _ = saola.on("check", grafana)
    assert code == 1
    assert "no answer  data source InfluxDB through Grafana: dial tcp" in out


def sources_in(content: object) -> list[dict[str, str]]:
    """Every reference to a data source in a dashboard."""
    if isinstance(content, list):
        return [found for one in content for found in sources_in(one)]
    if not isinstance(content, dict):
        return []
    own = content.get("datasource")
    return ([own] if isinstance(own, dict) else []) + [found for one in content.values() for found in sources_in(one)]


def test_the_token_travels_in_a_header_and_nowhere_else(saola: Saola, grafana: Grafana) -> None:
    saola.on("publish", grafana)
    assert not [path for _, path in grafana.log if ADMIN in path]


def test_source_and_rules_from_files_are_left_to_the_files(saola: Saola, grafana: Grafana) -> None:
    saola.on("publish", grafana)
    grafana.sources["saola-influx"]["readOnly"] = True
    for rule in grafana.rules.values():
        rule["provenance"] = "file"
    assert saola.on("check", grafana)[0] == 0
    grafana.rules["saola-lag"]["annotations"]["saola"] = "0" * 32
    before = len(grafana.writes())
    code, _, err = saola.on("publish", grafana, "--force", "--influx-url", "http://influxdb:8086")
    assert (code, len(grafana.writes())) == (1, before)
    assert err.count("from files: ") == 2


def test_one_language_leaves_the_other_alone(saola: Saola, grafana: Grafana) -> None:
    saola.on("publish", grafana, language="both")
    code, out, _ = saola.on("publish", grafana, "--prune", language="en")
    assert (code, out) == (0, f"as it should be already: {1 + 2 * 2 + 8 + 5}\n")
    assert len(grafana.boards) == 16
