"""What the published OpenAPI promises is what the operations do, whatever is sent to them: schemathesis asks."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from stream_processor.core.settings import load_core_settings
from stream_processor.engine import Engine, EngineSettings
from stream_processor.logs.port import EventLog
from tests.console.test_access import Guarded, guarded

__all__ = ["guarded"]


# Two figures of one request have to agree, which a schema cannot say; a disagreement is 422, with the reason.
AGREE = ("handover", "history", "kpis", "series", "board", "service")
EXPECTED = 'positive_data_acceptance.expected-statuses = ["2xx", 404, 409, 422]'
CONFIG = "".join(f'[[operations]]\ninclude-operation-id = "{name}"\n[operations.checks]\n{EXPECTED}\n' for name in AGREE)


@pytest.mark.timeout(400)
async def test_every_operation_keeps_what_the_openapi_promises(guarded: Guarded, log: EventLog, tmp_path: Path) -> None:
    token = guarded.accounts.ticket("admin", "token", guarded.clock.now_ms())
    (tmp_path / "schemathesis.toml").write_text(CONFIG, encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "schemathesis.cli", "run", f"{guarded.url}/api/openapi.json", "-H", f"authorization: Bearer {token}",
        "--phases", "examples,coverage,fuzzing", "-n", "8", "--seed", "1", "--checks", "all", "--continue-on-failure", "--no-color",
        "--exclude-operation-id", "stream", "--exclude-operation-id", "logout",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=tmp_path,
    )  # fmt: skip
    stop = asyncio.Event()  # a real engine answers, so that commands do not wait for one
    engine = Engine(log, guarded.app.state.view.city, load_core_settings(None), guarded.clock, EngineSettings(catch_bugs=False))
    working = asyncio.create_task(engine.run("engine", stop))
    told, _ = await process.communicate()
    stop.set()
    await working
    assert process.returncode == 0, told.decode()[-20_000:]
