"""`saola grafana`: the boards drawn for Grafana, published to one, and compared with what it has."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from city_model.cli import EXIT_FOUND
from city_model.faults import ConfigError, Problem, Unavailable

if TYPE_CHECKING:
    from dashboards.grafana.client import GrafanaClient
    from dashboards.grafana.wanted import Wanted

_PATH = click.Path(path_type=Path)
_LANGUAGES = click.Choice(["vi", "en", "both"])
_INFLUX_HELP = "influx-read.toml of `saola store setup`: what Grafana reads InfluxDB with."


def _boards(command: click.decorators.FC) -> click.decorators.FC:
    """Options of what a Grafana should have."""
    return _with(
        command,
        click.option("--city", required=True, type=_PATH, help="The registry, city.toml."),
        click.option("--influx", type=_PATH, metavar="FILE", help=_INFLUX_HELP),
        click.option("--influx-url", default="", metavar="URL", help="InfluxDB as Grafana reaches it, when that is another address."),
        click.option(
            "--language", "languages", type=click.Choice(["vi", "en", "both"]), default="both", show_default=True, help="Which boards."
        ),
        click.option("--console", default="", metavar="URL", help="Our own page, for links from the boards."),
        click.option("--documentation", default="", metavar="URL", help="This documentation, for links to what to do."),
    )


def _server(command: click.decorators.FC) -> click.decorators.FC:
    """Options of a Grafana."""
    return _with(
        command,
        click.option("--url", required=True, metavar="URL", help="Grafana: http://HOST:PORT/ or https://HOST/PATH/."),
        click.option(
            "--token-file", "key_path", required=True, type=_PATH, help="File of mode 0600 with the token of a service account (Admin)."
        ),
        click.option("--ca-file", default="", metavar="FILE", help="Who signed Grafana's certificate; else whom certifi trusts."),
        click.option("--allow-plaintext", is_flag=True, help="Speak http:// to another machine: the network is trusted."),
    )


def _with(command: click.decorators.FC, *options: Callable[[click.decorators.FC], click.decorators.FC]) -> click.decorators.FC:
    for option in reversed(options):
        command = option(command)
    return command


@click.group()
def grafana() -> None:
    """Grafana: boards rendered, published, checked."""


@grafana.command()
@_boards
@click.option("--out", type=_PATH, metavar="DIR", help="One JSON file a board, in a folder per language; else all on stdout.")
@click.option("--provisioning", type=_PATH, metavar="DIR", help="Provisioning files: data source, boards and rules; needs --influx.")
@click.option("--installed", default="", metavar="DIR", help="Where Grafana will find what --provisioning writes; else where it is now.")
def render(out: Path | None, provisioning: Path | None, installed: str, **boards: Any) -> None:  # noqa: ANN401 - fields of Given
    """Draw the boards, as JSON or as files that Grafana reads by itself. No server is asked.

    Provisioning files hold the token of InfluxDB in a file of mode 0600 beside them, which Grafana's user must be able to read.
    """
    from dashboards.grafana.files import write_boards, write_provisioning
    from dashboards.grafana.given import Given, given_boards, given_wanted

    given = Given(**boards)
    if provisioning is not None:
        written = write_provisioning(provisioning, given_wanted(given), installed or str(provisioning.resolve()))
    elif out is not None:
        written = write_boards(out, given_boards(given))
    else:
        found = {one.uid: one.model for one in given_boards(given)}
        click.echo(json.dumps(found, ensure_ascii=False, indent=2, sort_keys=True))
        return
    for path in written:
        click.echo(str(path))


@grafana.command()
@_server
@_boards
@click.option("--force", is_flag=True, help="Also replace what somebody changed by hand.")
@click.option("--prune", is_flag=True, help="Also remove boards and rules of ours that are no longer drawn.")
@click.option("--allow-anonymous", is_flag=True, help="Publish although this Grafana shows its boards to anybody.")
def publish(
    url: str, key_path: Path, ca_file: str, allow_plaintext: bool, force: bool, prune: bool, allow_anonymous: bool,
    **boards: Any,  # noqa: ANN401 - fields of Given
) -> None:  # fmt: skip
    """Make data source, folders, boards and rules in a Grafana as they should be. Run again, it changes only what differs.

    Everything is looked at first. When something was changed by hand, nothing is written and the exit code is 1. When it stops half-way,
    the last line says what was not done.
    """
    from dashboards.grafana.given import Given, given_client, given_wanted, reads_only

    wanted = given_wanted(Given(**boards))
    with closing(given_client(url, key_path, ca_file, allow_plaintext, wanted)) as client:
        if untried := reads_only(boards["influx"]):
            click.echo(untried, err=True)
        if not allow_anonymous and client.lets_anybody_in():
            expected = "anonymous access off, or --allow-anonymous"
            raise ConfigError([Problem(url, "auth.anonymous", "shows its boards to anybody; nothing was done", expected)])
        _publish(client, wanted, key_path, force, prune)


def _publish(client: GrafanaClient, wanted: Wanted, key_path: Path, force: bool, prune: bool) -> None:
    from dashboards.grafana.client import Refused
    from dashboards.grafana.given import refusal, refused, stopped
    from dashboards.grafana.look import look
    from dashboards.grafana.publish import Stopped, answers, conflicts, publish, work

    try:
        findings = look(client, wanted)
    except Refused as err:
        raise refused(err, key_path, "; nothing was done") from err
    except Unavailable as err:
        raise Unavailable(f"{err}; nothing was done") from err
    if found := conflicts(findings, force):
        for line in refusal(found):
            click.echo(line, err=True)
        raise click.exceptions.Exit(EXIT_FOUND)
    try:
        for done in publish(client, wanted, work(findings, prune)):
            _say(done)
    except Stopped as err:
        raise stopped(err, key_path) from err
    except KeyboardInterrupt as err:
        click.echo(str(err), err=True)
        raise
    _say(f"as it should be already: {sum(one.state == 'same' for one in findings)}")
    if trouble := answers(client, wanted):
        raise Unavailable(f"grafana: everything is published, but the data source does not answer: {trouble}")


def _say(line: str) -> None:
    """A reader that went away does not end a publish half-way."""
    with suppress(BrokenPipeError):
        click.echo(line)


@grafana.command()
@_server
@_boards
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def check(
    url: str, key_path: Path, ca_file: str, allow_plaintext: bool, as_json: bool, **boards: Any  # noqa: ANN401 - fields of Given
) -> None:  # fmt: skip
    """Compare what a Grafana has with what it should have; exit code 1 when something differs, 4 when it does not answer."""
    from dashboards.grafana.client import Refused
    from dashboards.grafana.given import Given, given_client, given_wanted, refused

    wanted = given_wanted(Given(**boards))
    with closing(given_client(url, key_path, ca_file, allow_plaintext, wanted)) as client:
        try:
            found = list(_checked(client, wanted))
        except Refused as err:
            raise refused(err, key_path, "") from err
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
    else:
        for one in found:
            click.echo(f"{one['state']:10} {one['kind']} {one['name']}{': ' if one['detail'] else ''}{one['detail']}")
    if any(one["state"] != "same" for one in found):
        raise click.exceptions.Exit(EXIT_FOUND)


def _checked(client: GrafanaClient, wanted: Wanted) -> Iterator[dict[str, str]]:
    """What was looked at, as plain text fields."""
    from dashboards.grafana.look import look
    from dashboards.grafana.publish import answers

    anybody = client.lets_anybody_in()
    yield _line("access", "anonymous", "without a token", "open" if anybody else "same", "shows its boards to anybody" if anybody else "")
    findings = look(client, wanted)
    for one in findings:
        yield _line(one.kind, one.uid, one.name, one.state, one.detail)
    if findings[0].state != "missing":
        trouble = answers(client, wanted)
        yield _line("data source", findings[0].uid, "InfluxDB through Grafana", "no answer" if trouble else "same", trouble)


def _line(kind: str, uid: str, name: str, state: str, detail: str) -> dict[str, str]:
    return {"kind": kind, "uid": uid, "name": name, "state": state, "detail": detail}
