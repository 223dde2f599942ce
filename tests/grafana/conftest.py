"""A Grafana that answers as documented, and the command as somebody types it."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from city_model import cli
from stream_processor.stores.influx_file import InfluxFile, write_influx_file
from stream_processor.stores.influx_setup import READ
from tests.grafana.server import ADMIN, Grafana, serving
from tests.house.tree import ROOT

CITY = ROOT / "simulators" / "scenarios" / "binh_duong" / "city.toml"
INFLUX_TOKEN = "influx-read-c0ffee"
Ran = tuple[int, str, str]


@dataclass(frozen=True, slots=True)
class Saola:
    """`saola grafana ...` in this process, with the files it needs in `place`: exit code, stdout, stderr."""

    place: Path
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def __call__(self, *args: str | Path) -> Ran:
        self.monkeypatch.setattr(sys, "argv", ["saola", "grafana", *map(str, args)])
        code = 0
        try:
            cli.main()
        except SystemExit as err:
            code = int(err.code or 0)
        said = self.capsys.readouterr()
        assert ADMIN not in said.out + said.err
        assert INFLUX_TOKEN not in said.out + said.err
        return code, said.out, said.err

    @property
    def influx(self) -> Path:
        return self.place / READ

    def on(self, verb: str, grafana: Grafana, *args: str | Path, token: str = ADMIN, language: str = "vi") -> Ran:
        """publish or check against that Grafana."""
        token_file = self.token_file(token)
        files = ("--city", CITY, "--influx", self.influx, "--language", language)
        return self(verb, "--url", grafana.url, "--token-file", token_file, *files, *args)

    def token_file(self, token: str) -> Path:
        path = self.place / "grafana-token"
        path.write_text(token + "\n", encoding="ascii")
        path.chmod(0o600)
        return path


@pytest.fixture
def grafana() -> Iterator[Grafana]:
    with serving(Grafana()) as found:
        yield found


@pytest.fixture
def saola(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Saola:
    """InfluxDB's address is one where nothing listens: what can be tried from here is not what Grafana does."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    write_influx_file(tmp_path / READ, InfluxFile(url, "saola", "saola", INFLUX_TOKEN), "only reads")
    return Saola(tmp_path, monkeypatch, capsys)
