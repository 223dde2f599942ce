"""`site.toml` and `saola edge`: every problem at once, before anything is opened."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from city_model.faults import ConfigError
from edge_agent.cli import edge
from edge_agent.site import load_site

CSV = "time,pm25\n2026-01-01T00:00:00Z,5\n2026-01-01T01:00:00Z,6\n"
AIR_ONLY = (
    '[agent]\nid = "agent-1"\nsite = "s1"\noutbox = "outbox"\n[mqtt]\nurl = "mqtt://127.0.0.1:1"\n'
    '[[air]]\ndevice = "air-1"\ncsv = "air.csv"\n'
)
WRONG = """
[agent]
id = "Agent 1"
site = "s1"
outbox = 3
budgetmib = 3
[mqtt]
url = "mqtt://broker.example:1883"
credentials = "nope.toml"
[[camera]]
device = "cam-1"
file = "nope.avi"
[[camera]]
device = "cam-1"
index = 0
send = "pixels"
[[camera]]
device = "cam-2"
url = "rtsp://user:canary-secret@10.0.0.5/stream"
[[air]]
device = "air-1"
csv = "nope.csv"
redate = "yesterday"
"""
CITY = """
name_vi = "A"
name_en = "A"
area = [{id = "a"}]
site = [{id = "s1", area = "a", vi = "S", en = "S", latitude = 21.0, longitude = 105.8}]
device = [
  {id = "agent-1", site = "s1", kind = "agent"}, {id = "air-1", site = "s1", kind = "air", agent = "agent-1"},
  {id = "air-2", site = "s1", kind = "air"},
]
"""


def written(path: Path, text: str, name: str = "site.toml") -> Path:
    (path / name).write_text(text, encoding="utf-8")
    return path / name


def problems(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as err:
        load_site(path)
    return [problem.key for problem in err.value.problems]


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    assert sorted(problems(written(tmp_path, WRONG))) == [
        "agent.budgetmib", "agent.id", "agent.outbox", "air[0].csv", "air[0].redate", "cam-1", "camera[0].file", "camera[1].send",
        "camera[2].url", "mqtt.credentials", "mqtt.url",
    ]  # fmt: skip


def test_no_problem_shows_a_secret(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as err:
        load_site(written(tmp_path, WRONG))
    assert "canary-secret" not in str(err.value)


def test_a_file_with_a_password_is_for_its_owner_only(tmp_path: Path) -> None:
    text = AIR_ONLY + '[[camera]]\ndevice = "cam-1"\nurl = "rtsp://user:secret@10.0.0.5/stream"\n'
    written(tmp_path, CSV, "air.csv")
    path = written(tmp_path, text)
    assert problems(path) == ["camera[0].url"]
    path.chmod(0o600)
    assert load_site(path).camera[0].is_live


def test_ids_are_checked_against_the_registry_and_sites_come_from_it(tmp_path: Path) -> None:
    written(tmp_path, CSV, "air.csv")
    written(tmp_path, CITY, "city.toml")
    text = AIR_ONLY.replace('site = "s1"', 'site = "s1"\ncity = "city.toml"')
    assert load_site(written(tmp_path, text)).agent_settings().sites == {"agent-1": "s1", "air-1": "s1"}
    others = '[[air]]\ndevice = "air-2"\ncsv = "air.csv"\n[[air]]\ndevice = "air-3"\ncsv = "air.csv"\n'
    assert problems(written(tmp_path, text + others)) == ["air[1].device", "air[2].device"]


def test_nothing_to_measure_is_a_problem(tmp_path: Path) -> None:
    assert problems(written(tmp_path, '[agent]\nid = "agent-1"\nsite = "s1"\noutbox = "outbox"\n')) == ["camera"]


def test_check_only_reads(tmp_path: Path) -> None:
    written(tmp_path, CSV, "air.csv")
    result = CliRunner().invoke(edge, ["--config", str(written(tmp_path, AIR_ONLY)), "--check"])
    assert result.exit_code == 0
    assert not (tmp_path / "outbox").exists()


def test_a_stop_by_signal_is_clean_and_keeps_what_was_accepted(tmp_path: Path) -> None:
    """Without a broker: everything is accepted, nothing is sent, SIGTERM ends it with exit code 0."""
    written(tmp_path, CSV, "air.csv")
    command = [sys.executable, "-m", "tests.edge.saola", "edge", "--json", "--config", str(written(tmp_path, AIR_ONLY))]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    lines = iter(process.stderr)
    assert any("not connected, the outbox keeps everything" in line for line in lines)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate()
    assert process.returncode == 0, err
    assert "Traceback" not in err
    counts = json.loads(out)
    assert (counts["accepted"], counts["waiting"], counts["stored"]) == (2, 2, 0)
