"""`saola store`: InfluxDB made ready for the platform, and any series store looked at with the eyes of a service."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click

from city_model.cli import EXIT_FOUND
from city_model.faults import ConfigError, Problem
from city_model.settings import from_table
from stream_processor.stores.keep import Keep


def keeps(command: click.decorators.FC) -> click.decorators.FC:
    """Options of how long what is kept; 0 is for ever."""
    for name, default, what in (("hour", 0, "hourly rollups"), ("minute", 400, "minute rollups"), ("raw", 90, "raw points")):
        command = click.option(f"--{name}-days", default=default, show_default=True, help=f"Keep {what} so long; 0: for ever.")(command)
    return command


def keep_from(raw_days: int, minute_days: int, hour_days: int, command: str) -> Keep:
    """The options as one. Raises ConfigError that names them as they were typed."""
    table = {"raw_days": raw_days, "minute_days": minute_days, "hour_days": hour_days}
    try:
        return from_table(Keep, table, "")
    except ConfigError as err:
        problems = [Problem(command, "--" + one.key.replace("_", "-"), one.found, one.expected) for one in err.problems]
        raise ConfigError(problems) from err


@click.group()
def store() -> None:
    """The series store: InfluxDB made ready, any store checked."""


@store.command()
@click.option("--url", required=True, metavar="URL", help="The server: http://HOST:PORT or https://HOST:PORT.")
@click.option("--dir", "directory", required=True, type=click.Path(path_type=Path), help="Where the files with tokens stand.")
@click.option("--admin", "admin_path", type=click.Path(path_type=Path), help="File with the administrator's token; else the one in --dir.")
@click.option("--organisation", default="saola", show_default=True, help="Made if it is not there.")
@click.option("--bucket", default="saola", show_default=True, help="Of raw points; rollups are in BUCKET_1m and BUCKET_1h.")
@keeps
@click.option("--rotate", is_flag=True, help="Make new tokens and revoke the old ones.")
@click.option("--allow-plaintext", is_flag=True, help="Speak http:// to another machine: the network is trusted.")
def setup(
    url: str, directory: Path, admin_path: Path | None, organisation: str, bucket: str, raw_days: int, minute_days: int, hour_days: int,
    rotate: bool, allow_plaintext: bool,
) -> None:  # fmt: skip
    """Make organisation, buckets and two scoped tokens in an InfluxDB 2. Run again, it changes only what differs.

    A fresh server gets its administrator, whose token stays in influx-admin.toml. Services use influx-write.toml and influx-read.toml:
    `--store influx:DIR/influx-write.toml`.
    """
    from stream_processor.stores.influx_file import InfluxFile, load_influx_file
    from stream_processor.stores.influx_setup import ADMIN, first_time, set_up

    keep = keep_from(raw_days, minute_days, hour_days, "saola store setup")
    plaintext = "trusted_network" if allow_plaintext else "loopback"
    table: dict[str, Any] = {"url": url, "organisation": organisation, "bucket": bucket, "plaintext": plaintext}
    wanted = from_table(InfluxFile, table, "saola store setup")
    path = admin_path or directory / ADMIN
    if admin_path is None and not path.exists():
        click.echo(first_time(wanted, directory))
    admin = replace(load_influx_file(path), **table)
    for done in set_up(admin, path, keep, directory, rotate):
        click.echo(done)


@store.command()
@click.option("--store", "store_url", required=True, metavar="URL", help="As services get it: influx:FILE or sqlite:PATH.")
@keeps
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def check(store_url: str, raw_days: int, minute_days: int, hour_days: int, as_json: bool) -> None:
    """Look at a store with a service's own token; exit code 1 when something is wrong, 4 when the server does not answer."""
    from city_model.clock import WallClock

    keep = keep_from(raw_days, minute_days, hour_days, "saola store check")
    kind, _, rest = store_url.partition(":")
    if kind == "influx" and rest:
        from stream_processor.stores.influx_check import check_influx

        found = list(check_influx(Path(rest), keep, WallClock().now_ms()))
    else:
        from stream_processor.stores.check import check_embedded

        found = list(check_embedded(store_url))
    if as_json:
        click.echo(json.dumps([asdict(one) for one in found]))
    else:
        for one in found:
            click.echo(f"{one.state:6} {one.what}{': ' if one.detail else ''}{one.detail}")
    if any(one.state == "wrong" for one in found):
        raise click.exceptions.Exit(EXIT_FOUND)
