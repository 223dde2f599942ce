"""`saola backup` and `saola restore`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from city_model.clock import WallClock

_PATH = click.Path(path_type=Path)


@click.command()
@click.option("--data", type=_PATH, default=Path(".saola"), show_default=True, help="Data directory, as `saola up` keeps it.")
@click.option("--to", required=True, type=_PATH, help="The file to write; must not be there yet.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def backup(data: Path, to: Path, as_json: bool) -> None:
    """Write a data directory into one file while everything runs: embedded log and store, accounts and audit, registry, credentials.

    What Kafka and InfluxDB keep is theirs to back up. The file holds secrets; it is readable by its owner only.
    """
    from simulators.backup import back_up

    kept = back_up(data, to, WallClock().now_ms())
    if as_json:
        click.echo(json.dumps(asdict(kept)))
        return
    click.echo(f"{to}: {kept.files} files, {kept.size_bytes / 1e6:.1f} MB")
    for one in kept.left_out:
        click.echo(f"not in it: {one}", err=True)


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--data", type=_PATH, required=True, help="Directory to make; empty or not there.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def restore(file: Path, data: Path, as_json: bool) -> None:
    """Make a data directory from a backup, whole or not at all. Every file is checked against what was written."""
    from simulators.backup import restore as put_back

    kept = put_back(file, data)
    click.echo(json.dumps(asdict(kept)) if as_json else f"{data}: {kept.files} files, {kept.size_bytes / 1e6:.1f} MB, all as they were")
