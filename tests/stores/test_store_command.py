"""`saola store setup|check` as somebody types it: what was done, what was not, and the exit code."""

from __future__ import annotations

import json
import stat
import sys
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from broker_config.influx import InfluxServer
from city_model import cli
from city_model.faults import Unavailable
from stream_processor.stores.embedded import EmbeddedStore
from stream_processor.stores.influx import InfluxStore
from stream_processor.stores.influx_check import check_influx
from stream_processor.stores.influx_client import HttpRefused, InfluxClient
from stream_processor.stores.influx_file import load_influx_file, write_influx_file
from stream_processor.stores.keep import Keep
from tests.influx_fixture import InfluxPlace
from tests.servers import require
from tests.stores.rows import points

Ran = tuple[int, str, str]
NOW_MS = 1_790_000_000_000


class Saola:
    """The command in this process: main() with arguments, and what it printed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def __call__(self, *args: str | Path) -> Ran:
        self._monkeypatch.setattr(sys, "argv", ["saola", "store", *map(str, args)])
        code = 0
        try:
            cli.main()
        except SystemExit as err:
            code = int(err.code or 0)
        said = self._capsys.readouterr()
        return code, said.out, said.err


@pytest.fixture
def saola(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Saola:
    return Saola(monkeypatch, capsys)


def test_an_embedded_store_is_looked_at_without_touching_it(saola: Saola, tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path / "x.db")
    store.write(points([("a/pm25", NOW_MS, 1.0)]))
    store.close()
    code, out, _ = saola("check", "--store", f"sqlite:{tmp_path / 'x.db'}", "--json")
    assert (code, [one["state"] for one in json.loads(out)]) == (0, ["ok", "ok"])
    assert "1, newest point 2026-09-21 14:13:20 UTC" in out


def test_a_store_that_is_not_there_is_a_finding_and_is_not_made(saola: Saola, tmp_path: Path) -> None:
    code, out, err = saola("check", "--store", f"sqlite:{tmp_path / 'x.db'}")
    assert (code, err) == (1, "")
    assert out.startswith("wrong  file ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        (["check", "--store", "postgres:x"], 2, "expected sqlite:PATH or influx:FILE"),
        (["check", "--store", "influx:nowhere.toml"], 2, "nowhere.toml: (file): does not exist"),
        (["check", "--store", "sqlite:x", "--minute-days", "3"], 2, "saola store check: --minute-days: 3; expected 0 or at least"),
        (["setup", "--url", "http://127.0.0.1:9", "--dir", "nowhere"], 4, "Connection refused"),
        (["setup", "--url", "http://influx.example", "--dir", "nowhere"], 2, "url: plaintext to influx.example"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_one_line(saola: Saola, args: list[str], code: int, says: str) -> None:
    found, out, err = saola(*args)
    assert (found, out, err.count("\n")) == (code, "", 1)
    assert says in err
    assert not Path("nowhere").exists()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[InfluxServer]:
    """An influxd nobody has set up."""
    try:
        running = InfluxServer.start(tmp_path / "influxd")
    except Unavailable as err:
        require("influxd", str(err))
    yield running
    running.stop()


@pytest.mark.live
def test_a_fresh_server_is_set_up_twice_and_checked(saola: Saola, fresh: InfluxServer, tmp_path: Path) -> None:
    files = tmp_path / "files"
    code, out, err = saola("setup", "--url", fresh.url, "--dir", files)
    assert (code, err) == (0, "")
    assert [line.partition(", ")[0].split(" in /")[0] for line in out.splitlines()] == [
        "administrator made", "organisation saola was there", "bucket saola was there", "bucket saola_1m made", "bucket saola_1h made",
        "write token", "read token",
    ]  # fmt: skip
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in files.iterdir()} == {
        f"influx-{name}.toml": 0o600 for name in ("admin", "write", "read")
    }
    before = (files / "influx-write.toml").read_text()
    code, out, _ = saola("setup", "--url", fresh.url, "--dir", files, "--raw-days", "30")
    assert code == 0
    assert "bucket saola was there, now keeps 30 days" in out
    assert (files / "influx-write.toml").read_text() == before
    code, out, _ = saola("check", "--store", f"influx:{files / 'influx-write.toml'}", "--raw-days", "30")
    assert code == 0, out
    code, out, _ = saola("check", "--store", f"influx:{files / 'influx-read.toml'}")
    assert code == 1
    assert "wrong  bucket saola: keeps 30 days; expected 90 days" in out
    code, out, _ = saola("check", "--store", f"influx:{files / 'influx-admin.toml'}", "--raw-days", "30")
    assert code == 1
    assert "wrong  token: can see other tokens" in out
    code, out, err = saola("setup", "--url", fresh.url, "--dir", tmp_path / "elsewhere")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "has an administrator already; nothing was done" in err
    tokens = [load_influx_file(path).token for path in files.iterdir()]
    assert not any(token in (tmp_path / "influxd" / "influxd.log").read_text() for token in tokens)


def may(client: InfluxClient, method: str, path: str, body: object = None) -> dict[str, object]:
    """The answer, or nothing where it is refused."""
    try:
        found: dict[str, object] = client.ask_json(method, path, body=body)
    except HttpRefused:
        return {}
    return found


@pytest.mark.live
def test_the_tokens_may_do_one_thing_each(influx_files: Path, influx_place: InfluxPlace) -> None:
    for name in ("influx-write.toml", "influx-read.toml"):
        file = load_influx_file(influx_files / name)
        client = InfluxClient(file)
        assert may(client, "GET", "/api/v2/authorizations").get("authorizations", []) == []
        assert may(client, "GET", "/api/v2/users").get("users", []) == []
        assert may(client, "POST", "/api/v2/buckets", {"name": "x", "orgID": "0" * 16}) == {}
        with pytest.raises(HttpRefused):
            client.write("first", b"pm25,device=a value=1.0 1")
        with pytest.raises(HttpRefused):
            client.influxql("first", 'SELECT * FROM "pm25"')
        client.close()


@pytest.mark.live
def test_rotation_revokes_the_old_token(saola: Saola, influx_files: Path, influx_place: InfluxPlace, tmp_path: Path) -> None:
    bucket = load_influx_file(influx_files / "influx-write.toml").bucket
    (tmp_path / "old.toml").write_bytes((influx_files / "influx-write.toml").read_bytes())
    (tmp_path / "old.toml").chmod(0o600)
    args: list[str | Path] = [
        "--url",
        influx_place.url,
        "--dir",
        influx_files,
        "--admin",
        influx_place.admin_file,
        "--bucket",
        bucket,
        "--allow-plaintext",
    ]
    code, out, _ = saola("setup", *args, "--rotate", "--raw-days", "0", "--minute-days", "0")
    assert code == 0
    assert out.count("1 older revoked") == 2
    InfluxStore(influx_files / "influx-write.toml").write(points([("a/pm25", NOW_MS, 1.0)]))
    code, out, _ = saola("check", "--store", f"influx:{tmp_path / 'old.toml'}")
    assert code == 1
    assert "does not know it" in out


@pytest.mark.live
def test_a_token_that_may_not_set_up_says_what_was_not_done(
    saola: Saola, influx_files: Path, influx_place: InfluxPlace, tmp_path: Path
) -> None:
    for token in ("wrong", load_influx_file(influx_files / "influx-write.toml").token):
        write_influx_file(tmp_path / "admin.toml", replace(load_influx_file(influx_place.admin_file), token=token), "no admin")
        args: list[str | Path] = [
            "--url",
            influx_place.url,
            "--dir",
            tmp_path,
            "--admin",
            tmp_path / "admin.toml",
            "--bucket",
            f"t{uuid.uuid4().hex[:8]}",
        ]
        code, _, err = saola("setup", *args, "--allow-plaintext")
        assert (code, err.count("\n")) == (2, 1), err
        assert "; not done: " in err
        assert token not in err
        assert not (tmp_path / "influx-write.toml").exists()


@pytest.mark.live
def test_clocks_that_differ_and_values_of_another_type_are_found(influx_files: Path) -> None:
    path = influx_files / "influx-write.toml"
    file = load_influx_file(path)
    client = InfluxClient(file)
    client.write(file.bucket, b"pm25,device=a value=1i 1790000000000")
    server_ms = client.ask("GET", "/health").server_ms
    client.close()
    assert server_ms is not None
    found = list(check_influx(path, Keep(0, 0, 0), server_ms - 60_000))
    wrong = {one.what: one.detail for one in found if one.state == "wrong"}
    assert wrong.keys() == {"clock", "quantity pm25"}
    assert "ahead of this machine" in wrong["clock"]
    assert "integer" in wrong["quantity pm25"]
