"""Functions that tests run in child processes."""

from __future__ import annotations

import os
import signal

from city_model.child import Parent


def echo(parent: Parent, argument: object) -> None:
    """Send the argument back, then every message, until it is None."""
    parent.send(argument)
    while (message := parent.receive()) is not None:
        parent.send(message)


def abort(parent: Parent, argument: object) -> None:
    """Die as a library dies that meets an assertion of its own."""
    os.abort()


def hang(parent: Parent, argument: object) -> None:
    """Say the process id, then hang where no message is read."""
    parent.send(os.getpid())
    while True:
        signal.pause()
