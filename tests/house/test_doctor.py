"""`saola doctor`: each finding has a state, and what is not ok has its fix."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from simulators import doctor_checks as checks
from simulators.doctor import Questions, examine

_PORTS = {"mqtt": 1883}
_SAOLA = [sys.executable, "-c", "from city_model.cli import main; main()"]


def test_every_finding_that_is_not_ok_says_what_to_do(tmp_path: Path) -> None:
    findings = examine(Questions(tmp_path / "new" / "data", 8080))
    assert {"Python", "numpy", "Mosquitto", "Java", "Kafka", "Chromium", "clock", "time zones", "disk space"} <= {
        one.name for one in findings
    }
    for one in findings:
        assert one.state == "ok" or one.fix
        assert one.state != "optional" or one.instead
    assert not (tmp_path / "new").exists()


def test_a_machine_that_runs_these_tests_can_run_the_embedded_profile(tmp_path: Path) -> None:
    assert [one for one in examine(Questions(tmp_path, 8080)) if one.state == "missing"] == []


def test_nothing_installed_makes_kafka_and_mosquitto_optional_with_what_stands_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    for one in (checks.java(), checks.kafka_jars(), checks.chromium(), checks.recordings("")):
        assert (one.state, bool(one.instead), bool(one.fix)) == ("optional", True, True)


def test_for_the_city_profile_its_servers_are_no_longer_optional(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    found = {one.name: one for one in checks.for_city([checks.java(), checks.kafka_jars(), checks.influxd(), checks.chromium()])}
    assert {name: one.state for name, one in found.items()} == {
        "Java": "missing", "Kafka": "missing", "InfluxDB": "optional", "Chromium": "optional",
    }  # fmt: skip
    assert all(one.fix for one in found.values())
    assert found["InfluxDB"].instead == "the embedded store"


def test_a_clock_before_the_program_was_written_is_missing_its_setting() -> None:
    assert checks.clock(0.0).state == "missing"
    assert checks.clock(0.0).found == "says 1970-01-01 00:00 UTC, before this program was written"


def test_a_taken_port_is_found() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert checks.port(taken.getsockname()[1]).state == "optional"


def test_a_data_directory_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = checks.directory(tmp_path / "file" / "data")
    assert (found.state, "Not a directory" in found.found) == ("missing", True)


def test_a_server_that_answers_and_one_that_does_not() -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        port = listening.getsockname()[1]
        assert checks.server("MQTT broker", f"mqtt://127.0.0.1:{port}", _PORTS).state == "ok"
    gone = checks.server("MQTT broker", f"mqtt://user:secret@127.0.0.1:{port}", _PORTS)
    assert gone.state == "missing"
    assert "secret" not in str(gone)


@pytest.mark.parametrize("url", ["", "localhost", "http://x", "mqtt://", "mqtt://x:notaport", "mqtt://[::1", "mqtt://x:99999"])
def test_what_is_no_address_is_said_to_be_none(url: str) -> None:
    assert checks.server("MQTT broker", url, _PORTS).found == "not an address of this kind"


def test_json_is_for_machines_and_the_exit_code_for_scripts(tmp_path: Path) -> None:
    command = [*_SAOLA, "doctor", "--json", "--data", str(tmp_path)]
    good = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (good.returncode, json.loads(good.stdout)["able"]) == (0, True)
    bad = subprocess.run([*command, "--mqtt", "mqtt://127.0.0.1:1"], capture_output=True, text=True, check=False)
    assert (bad.returncode, json.loads(bad.stdout)["able"]) == (1, False)


def test_plain_output_has_no_colour_codes(tmp_path: Path) -> None:
    command = [*_SAOLA, "doctor", "--data", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "NO_COLOR": "1"})
    assert "\x1b" not in done.stdout
    assert "Everything needed is here" in done.stdout
