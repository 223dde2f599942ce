"""`saola`: rooms by name, one line for what was to be expected, and the exit codes."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable

import click
import pytest

from city_model import cli, commands
from city_model.commands import CommandsByName
from city_model.faults import ConfigError, Problem, Rejected, Unavailable


def run(monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> int:
    """Run `saola probe`, where probe does `act`, and give the exit code."""
    monkeypatch.setattr(CommandsByName, "get_command", lambda _self, _ctx, name: click.Command(name, callback=act))
    return code_of(monkeypatch, "probe")


def code_of(monkeypatch: pytest.MonkeyPatch, *args: str) -> int:
    monkeypatch.setattr(sys, "argv", ["saola", *args])
    try:
        cli.main()
    except SystemExit as err:
        return int(err.code or 0)
    return 0


def raising(err: BaseException) -> Callable[[], None]:
    def act() -> None:
        raise err

    return act


_TWO = ConfigError([Problem("a.toml", "x", "1", "2"), Problem("a.toml", "y", "3", "4")])
_TAKEN = "the port is taken; choose another with --port (Address already in use)"
_INSTALL = "not installed here: pip install 'saola-city[all]'"
_FULL = "the disk is full; nothing was half written (No space left on device)"
_FORBIDDEN = "not allowed; choose a directory you may write to, or a port above 1023 (Permission denied)"


@pytest.mark.parametrize(
    ("err", "code", "said"),
    [
        (_TWO, 2, "a.toml: x: 1; expected 2\na.toml: y: 3; expected 4\n"),
        (Unavailable("kafka: not there"), 4, "saola: kafka: not there\n"),
        (Rejected("bad_time", "never"), 4, "saola: bad_time: never\n"),
        (KeyboardInterrupt(), 130, "\n"),
        (OSError(errno.EADDRINUSE, "Address already in use"), 4, f"saola: {_TAKEN}\n"),
        (OSError(errno.ENOSPC, "No space left on device", "/x"), 4, f"saola: /x: {_FULL}\n"),
        (PermissionError(errno.EACCES, "Permission denied", "/x"), 4, f"saola: /x: {_FORBIDDEN}\n"),
        (ModuleNotFoundError("x", name="aiokafka.errors"), 4, f"saola: needs aiokafka.errors, {_INSTALL}\n"),
        (click.exceptions.Exit(1), 1, ""),
        (BrokenPipeError(), 0, ""),
    ],
)
def test_expected_failures_are_one_line_each_and_a_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], err: BaseException, code: int, said: str
) -> None:
    assert run(monkeypatch, raising(err)) == code
    assert capsys.readouterr().err == said


def test_a_bug_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ZeroDivisionError):
        run(monkeypatch, raising(ZeroDivisionError()))
    with pytest.raises(ModuleNotFoundError):
        run(monkeypatch, raising(ModuleNotFoundError("x", name="stream_processor.nothing")))
    with pytest.raises(OSError, match="odd"):
        run(monkeypatch, raising(OSError(errno.EIO, "odd")))


def test_success_is_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, lambda: None) == 0


def test_an_unknown_command_or_option_is_code_2(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of(monkeypatch, "nothing") == 2
    assert code_of(monkeypatch, "doctor", "--nothing") == 2
    assert "No such option" in capsys.readouterr().err


def test_version_and_help_are_code_0(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of(monkeypatch, "--version") == 0
    assert code_of(monkeypatch, "-h") == 0
    assert "doctor" in capsys.readouterr().out


class Point:
    """An entry point whose module cannot be imported."""

    name = "stream"
    module = "stream_processor.cli"

    def __init__(self, missing: str) -> None:
        self._missing = missing

    def load(self) -> click.Command:
        raise ModuleNotFoundError(f"No module named {self._missing!r}", name=self._missing)


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ("aiokafka", "needs aiokafka, not installed here: pip install 'saola-city[all]'"),
        ("stream_processor", "is not part of this installation: stream_processor.cli is missing"),
        ("stream_processor.cli", "is not part of this installation: stream_processor.cli is missing"),
    ],
)
def test_a_command_that_is_not_installed_here_says_why(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], missing: str, said: str
) -> None:
    monkeypatch.setattr(commands, "entry_points", lambda **_: [Point(missing)])
    assert code_of(monkeypatch, "stream", "--anything") == 4
    assert capsys.readouterr().err == f"saola: `saola stream` {said}\n"
    assert code_of(monkeypatch, "stream", "--help") == 0


def test_a_module_of_ours_that_is_missing_further_down_is_a_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "entry_points", lambda **_: [Point("stream_processor.nothing")])
    with pytest.raises(ModuleNotFoundError):
        code_of(monkeypatch, "stream")
