"""What the commands are given, turned into what is wanted; and what Grafana refuses, into what people are told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from city_model.faults import ConfigError, Problem, Rejected, Unavailable
from city_model.registry import load_city
from dashboards.grafana.board import render
from dashboards.grafana.client import Access, GrafanaClient, Refused, check_url
from dashboards.grafana.health import health_rules
from dashboards.grafana.look import Finding
from dashboards.grafana.publish import Stopped
from dashboards.grafana.token_file import load_token
from dashboards.grafana.wanted import FOLDERS, HEALTH, SOURCE_UID, Board, Language, Wanted, boards_of, source_of
from stream_processor.stores.influx_client import InfluxClient
from stream_processor.stores.influx_file import InfluxFile, load_influx_file
from stream_processor.stores.influx_setup import READ, may_write

Languages = Literal["vi", "en", "both"]
_ROLE = "the token of a service account with role Admin"
_DEFAULT_BUCKET = "saola"


@dataclass(frozen=True, slots=True)
class Given:
    """Where the registry and InfluxDB's file are, which languages, and how people and Grafana reach what the boards point to."""

    city: Path
    influx: Path | None
    influx_url: str
    languages: Languages
    console: str
    documentation: str

    def each(self) -> tuple[Language, ...]:
        """The languages one by one."""
        return ("vi", "en") if self.languages == "both" else (self.languages,)


def given_boards(given: Given) -> tuple[Board, ...]:
    """The boards of a city; without an InfluxDB's file, for the bucket that `saola store setup` makes by default."""
    _check_links(given)
    bucket = load_influx_file(given.influx).bucket if given.influx else _DEFAULT_BUCKET
    city, links = load_city(given.city), {"console": given.console, "documentation": given.documentation}
    return boards_of({one: render(city, one, source=SOURCE_UID, bucket=bucket, **links) for one in given.each()})


def given_wanted(given: Given) -> Wanted:
    """Everything a Grafana should have. Raises ConfigError."""
    if given.influx is None:
        raise ConfigError([Problem("saola grafana", "--influx", "is missing", f"{READ} of `saola store setup`")])
    influx, boards = load_influx_file(given.influx), given_boards(given)
    source, secret = source_of(influx, given.influx_url)
    folders = (*(FOLDERS[one] for one in given.each()), HEALTH)
    return Wanted(source, secret, folders, boards, health_rules(load_city(given.city), influx.bucket))


def _check_links(given: Given) -> None:
    for option, url in (("--influx-url", given.influx_url), ("--console", given.console), ("--documentation", given.documentation)):
        if url:
            check_url(url, allow_plaintext=True, option=option)


def given_client(url: str, token_file: Path, ca_file: str, allow_plaintext: bool, wanted: Wanted) -> GrafanaClient:
    """Raises ConfigError when the address, the token's file or the authority's is not right."""
    check_url(url, allow_plaintext, option="--url")
    if ca_file and not Path(ca_file).is_file():
        raise ConfigError([Problem("saola grafana", "--ca-file", f"{ca_file} is no file", "a PEM file")])
    return GrafanaClient(Access(url, load_token(token_file), ca_file), secrets=(wanted.secret["token"],))


def reads_only(influx_path: Path) -> str:
    """Raises ConfigError when the token Grafana would get may write; says so when that could not be tried from here."""
    influx: InfluxFile = load_influx_file(influx_path)
    client = InfluxClient(replace(influx, url=influx.url.rstrip("/")))
    try:
        wide = [one for one in influx.buckets() if may_write(client, one)]
    except Unavailable as err:
        return f"not tried whether the token in {influx_path} only reads: {err}"
    finally:
        client.close()
    if wide:
        found = f"may write to bucket {', '.join(wide)}; nothing was done"
        raise ConfigError([Problem(str(influx_path), "token", found, f"a token that only reads: {READ} of `saola store setup`")])
    return ""


def refused(err: Refused, token_file: Path, rest: str) -> Exception:
    """A refusal while only looking."""
    if err.status in (401, 403):
        return ConfigError([Problem(str(token_file), "token", f"Grafana answers {err}{rest}", _ROLE)])
    return Rejected("grafana", f"{err}{rest}")


def stopped(err: Stopped, token_file: Path) -> Exception:
    """A refusal half-way; it names what was not done."""
    if err.status in (401, 403):
        return ConfigError([Problem(str(token_file), "token", str(err), _ROLE)])
    if err.status in (409, 412):
        return Unavailable(f"grafana: {err}; look again with `saola grafana check`")
    return Rejected("grafana", str(err))


def refusal(found: Sequence[Finding]) -> list[str]:
    """Lines that say what publishing would have overwritten."""
    lines = [f"{one.state}: {one.kind} {one.name}: {one.detail}" for one in found]
    last = "nothing was done."
    if any(one.state == "by hand" for one in found):
        last += " --force replaces what was changed by hand (Grafana's history keeps it)."
    if any(one.state == "from files" for one in found):
        last += " What comes from files is changed there: `saola grafana render --provisioning`."
    return [*lines, last]
