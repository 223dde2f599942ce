"""`saola camera`: its sub-commands are entry points of "saola.camera", so other rooms add theirs without being imported here."""

from __future__ import annotations

import click

from city_model.commands import CommandsByName


@click.group(cls=CommandsByName, entry_group="saola.camera")
def camera() -> None:
    """Look at what cameras see: analyse a clip, draw it, score counting, measure how many cameras a core carries."""
