"""Options every service has: `--status PORT` and `--log-form`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Literal

import click

from city_model.service.logs import write_logs


def service_options(service: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Adds the options to a command; it gets `status_port`, and its log lines go to stderr in the asked form."""

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def run(*args: Any, log_form: Literal["text", "json"], **given: Any) -> Any:  # noqa: ANN401 - click's own
            write_logs(service, log_form)
            return command(*args, **given)

        for option in (
            click.option(
                "--log-form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How log lines on stderr look."
            ),
            click.option(
                "--status", "status_port", type=click.IntRange(0, 65_535), metavar="PORT",
                help="Answer /metrics, /healthz and /readyz on this loopback port; 0 takes a free one.",
            ),
        ):  # fmt: skip
            run = option(run)
        return run

    return add
