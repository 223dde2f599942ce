"""What InfluxDB's refusals mean for whoever runs the service: which line of which file is wrong."""

from __future__ import annotations

from typing import Literal

from city_model.faults import Problem
from stream_processor.stores.influx_client import HttpRefused
from stream_processor.stores.influx_file import InfluxFile


def explained(file: InfluxFile, path: str, what: Literal["read", "write"], err: HttpRefused) -> Problem | None:
    """What a 401, 403 or 404 says about the configuration; None for any other answer."""
    made = "`saola store setup` makes one"
    if err.status == 401:
        return Problem(path, "token", f"{file.url} does not know it", f"a token of this server; {made}")
    if err.status == 403:
        return Problem(path, "token", f"may not {what} bucket {file.bucket!r}", f"a token that may; {made}")
    if err.status == 404:
        of_org = "organization" in err.message
        key, name = ("organisation", file.organisation) if of_org else ("bucket", f"one of {', '.join(file.buckets())}")
        return Problem(path, key, f"{name} is not on {file.url} ({err.message[:120]})", f"one that is there; {made.replace('one', 'them')}")
    return None
