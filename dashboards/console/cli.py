"""`saola console`: the operators' page. `saola user`: who may come in. `saola audit`: what they did."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from city_model.faults import ConfigError, Problem, Rejected
from city_model.service.options import service_options

if TYPE_CHECKING:
    from dashboards.console.accounts import Accounts

_DATA = click.option(
    "--data", type=click.Path(file_okay=False, path_type=Path), default=Path("console"), show_default=True,
    help="Directory of accounts and audit log.",
)  # fmt: skip


@click.command()
@click.option("--city", "city_path", required=True, type=click.Path(path_type=Path), help="The registry, city.toml.")
@click.option("--log", "log_url", required=True, metavar="URL", help="The log: sqlite:DIR or kafka://HOST:PORT.")
@click.option("--store", "store_url", required=True, metavar="URL", help="The series store: sqlite:PATH.")
@_DATA
@click.option("--config", type=click.Path(path_type=Path), help="console.toml: who shares sites with whom, and the ground of the map.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65_535), help="Port; 0 takes a free one.")
@click.option("--allow-host", multiple=True, metavar="NAME", help="A host name the page may be called by, besides loopback's.")
@service_options("console")
def console(
    city_path: Path, log_url: str, store_url: str, data: Path, config: Path | None, host: str, port: int, allow_host: tuple[str, ...],
    status_port: int | None,
) -> None:  # fmt: skip
    """Serve the operators' page until interrupted.

    At the first start an account `admin` is made; its generated password stands in `first-password` of the data directory.
    """
    _check_exposure(host, allow_host)
    asyncio.run(_run(city_path, log_url, store_url, data, config, host, port, allow_host, status_port))


async def _run(
    city_path: Path, log_url: str, store_url: str, data: Path, config: Path | None, host: str, port: int, allow_host: tuple[str, ...],
    status_port: int | None,
) -> None:  # fmt: skip
    from city_model.registry import load_city
    from city_model.service.serve import telling
    from city_model.settings import load
    from dashboards.console.access import Access
    from dashboards.console.accounts import Accounts
    from dashboards.console.app import create_app
    from dashboards.console.ground import Ground
    from dashboards.console.guard import LOOPBACK
    from dashboards.console.people import ConsoleSettings
    from dashboards.console.serve import serve
    from dashboards.console.told import about_console
    from stream_processor.logs.open import open_log
    from stream_processor.stores.open import open_store

    city = load_city(city_path)
    settings = load(ConsoleSettings, config) if config else ConsoleSettings()
    ground = Ground(settings.map, config.parent if config else Path(), str(config))
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    accounts = Accounts(data)
    _first_account(accounts, data)
    store = open_store(store_url)
    event_log = await open_log(log_url)
    try:
        access = Access.of(city, accounts, settings.share)
        app = create_app(event_log, store, city, hosts=(*LOOPBACK, *allow_host), access=access, ground=ground)
        taken = await serve(app, host, port, stop)
        click.echo(f"http://{f'[{host}]' if ':' in host else host}:{taken}/", err=True)
        async with telling(about_console(app.state.follower, app.state.view, app.state.hub), status_port):
            await app.state.served
    finally:
        await event_log.close()
        store.close()
        accounts.close()


def _first_account(accounts: Accounts, data: Path) -> None:
    if any(accounts.users()):
        return
    path = data / "first-password"
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(accounts.add("admin", "admin") + "\n")
    click.echo(f"the account admin was made; its password stands in {path}: change it, then delete the file", err=True)


@click.group()
def user() -> None:
    """Who may come in to the operators' page."""


@user.command("add")
@click.argument("name")
@click.option("--role", required=True, help="viewer, traffic, environment, supervisor or admin.")
@click.option("--area", "areas", multiple=True, help="Only this area (repeat for more).")
@click.option("--owner", "owners", multiple=True, help="Only sites of this owner (repeat for more).")
@_DATA
def add_user(name: str, role: str, areas: tuple[str, ...], owners: tuple[str, ...], data: Path) -> None:
    """Add a user. The generated password is printed once."""
    accounts = _accounts(data)
    click.echo(accounts.add(name, role, areas, owners))
    _noted(accounts, "user_added", user=name, role=role)


@user.command("list")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@_DATA
def list_users(data: Path, as_json: bool) -> None:
    """List the users."""
    users = list(_accounts(data).users())
    if as_json:
        rows = [{"name": u.name, "role": u.role, "areas": u.areas, "owners": u.owners, "active": u.active} for u in users]
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    for u in users:
        bounds = " ".join([*(f"area:{a}" for a in u.areas), *(f"owner:{o}" for o in u.owners)])
        click.echo(f"{u.name:20} {u.role:12} {'active' if u.active else 'inactive':9} {bounds}".rstrip())


@user.command("change")
@click.argument("name")
@click.option("--role", default="", help="Another role.")
@click.option("--active/--inactive", default=None, help="Let in, or keep out.")
@click.option("--renew", is_flag=True, help="Print a new generated password.")
@_DATA
def change_user(name: str, role: str, active: bool | None, renew: bool, data: Path) -> None:
    """Change a user. Every session and token of the name ends."""
    accounts = _accounts(data)
    if password := accounts.change(name, role=role, active=active, new_password=renew):
        click.echo(password)
    _noted(accounts, "user_changed", user=name, role=role, active=str(active), renewed=str(renew))


@user.command("token")
@click.argument("name")
@click.option("--label", default="", help="What it is for.")
@_DATA
def token(name: str, label: str, data: Path) -> None:
    """Print a new API token of a user, good for a year: `Authorization: Bearer TOKEN`."""
    from city_model.clock import WallClock

    accounts = _accounts(data)
    if accounts.user(name) is None:
        raise Rejected("unknown_user", f"there is no user {name[:63]!r}")
    click.echo(accounts.ticket(name, "token", WallClock().now_ms(), label))
    _noted(accounts, "token_made", user=name, label=label)


@click.group()
def audit() -> None:
    """What people did at the operators' page."""


@audit.command("verify")
@_DATA
def verify(data: Path) -> None:
    """Check that no line of the audit log was changed or taken out. Ends with 1 when one was."""
    lines, wrong = _accounts(data).audit.verify()
    click.echo(f"{lines} lines hold" + (f"; {wrong}" if wrong else ""))
    if wrong:
        raise SystemExit(1)


@audit.command("show")
@_DATA
def show(data: Path) -> None:
    """Print the audit log as JSON lines."""
    for e in _accounts(data).audit.entries():
        row = {"seq": e.seq, "at_ms": e.at_ms, "who": e.who, "what": e.what, **e.detail}
        click.echo(json.dumps(row, ensure_ascii=False))


def _accounts(data: Path) -> Accounts:
    from dashboards.console.accounts import Accounts

    return Accounts(data)


def _noted(accounts: Accounts, what: str, **detail: str) -> None:
    from city_model.clock import WallClock

    accounts.audit.write(WallClock().now_ms(), f"shell:{os.environ.get('USER', '')}", what, **detail)


def _check_exposure(host: str, allow_host: tuple[str, ...]) -> None:
    """There is no TLS here: off loopback it takes a proxy that has it, and the name it is called by."""
    if not _is_loopback(host) and not allow_host:
        found = f"{host} is not loopback and no --allow-host is given"
        raise ConfigError([Problem("--host", "exposure", found, "127.0.0.1, or --allow-host NAME of the proxy that adds TLS")])


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
