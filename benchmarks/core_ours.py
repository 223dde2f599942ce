"""The job in the project's own core: `columns.Decoder` and `window.Windows`, configured. A process of its own, as the peers are.

Arguments: FILE, lines | packed | senml, numpy | compiled, [messages in a block]. The file is streamed; compiled code is loaded before
the clock starts, as a running service has it.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from benchmarks.peers import job
from stream_processor.core import window_numpy
from stream_processor.core.columns import Decoder, Dialect
from stream_processor.core.lines import LineFormat
from stream_processor.core.window import Windows, WindowSettings
from stream_processor.core.window_compiled import compiled_kernel

FORM = LineFormat("sensor_id", "ts", (("pm25", 0, 1000), ("pm10", 0, 2000), ("temp", -40, 85), ("rh", 0, 100)))
RULE = WindowSettings()
_MESSAGE_BYTES = 172
_EXAMPLE = b'{"sensor_id":"hn-aq-00000","ts":1795600800063,"pm25":19.6,"pm10":31.4,"temp":24.0,"rh":75.0}\n'


def blocks(path: str, dialect: Dialect, messages: int) -> Iterator[bytes]:
    """Whole messages in blocks of about `messages`, read as they are needed."""
    with Path(path).open("rb") as file:
        if dialect == "packed":
            while head := file.read(4):
                yield file.read(struct.unpack("<I", head)[0])
            return
        rest = b""
        while data := file.read(messages * _MESSAGE_BYTES):
            data = rest + data
            cut = data.rfind(b"\n") + 1
            rest = data[cut:]
            if cut:
                yield data[:cut]


class Run:
    """Decoder, windows and what they have said."""

    def __init__(self, dialect: Dialect, compiled: bool) -> None:
        self.dialect = dialect
        self.decoder = Decoder("pm25", FORM)
        kernel = compiled_kernel() if compiled else window_numpy.take
        if kernel is None:
            raise SystemExit("numba is not installed")
        self.windows = Windows(RULE, kernel)
        self.messages = 0
        self.changes: list[tuple[str, int, str]] = []

    def take(self, data: bytes) -> None:
        """One block."""
        columns = self.decoder.decode(data, self.dialect)
        found = self.windows.take(columns.row, columns.at_ms, columns.value)
        self.messages += len(columns.row) + columns.bad
        if len(found.position):
            rows, times = columns.row[found.position].tolist(), columns.at_ms[found.position].tolist()
            words = ["O" if opened else "C" for opened in found.opened.tolist()]
            self.changes += [(self.decoder.devices[row], at, word) for row, at, word in zip(rows, times, words, strict=True)]


def main() -> None:
    """Run and report."""
    dialect, compiled = cast(Dialect, sys.argv[2]), sys.argv[3] == "compiled"
    messages = int(sys.argv[4]) if len(sys.argv) > 4 else 12_000
    Run("lines", compiled).take(_EXAMPLE * 3)

    def work(path: str) -> Any:  # noqa: ANN401
        run = Run(dialect, compiled)
        for block in blocks(path, dialect, messages):
            run.take(block)
        return run.messages, run.changes

    job.report(work)


if __name__ == "__main__":
    main()
