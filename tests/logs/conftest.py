"""Every log behind one face: a place where it can be opened, closed and opened again. Kafka's is marked `live`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from stream_processor.logs.port import EventLog
from tests.logs.harness import HARNESSES, World


@pytest.fixture(params=[pytest.param(name, marks=harness.marks) for name, harness in HARNESSES.items()])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    """A log of each kind; whatever was opened is closed after the test."""
    made = HARNESSES[request.param].make(request, tmp_path)
    yield made
    await made.close_all()


@pytest.fixture
async def log(world: World) -> EventLog:
    return await world.open()
