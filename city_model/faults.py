"""Two kinds of failure, and nothing between them.

    Exception
    ├── Rejected       this input will never be good: dead letter with the reason, count it, go on
    ├── Unavailable    try again later: back off with jitter, lose nothing
    │   └── Fenced     somebody else owns this now: drop the memory, take over again or leave it
    └── ConfigError    every problem of a configuration at once; the process has not opened a socket yet

Anything else that is raised is a bug.
"""

from __future__ import annotations

from dataclasses import dataclass


class Rejected(Exception):
    """This input will never be good. `code` is a short stable word to count by; the text is for people."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class Unavailable(Exception):
    """A server, disk or peer cannot do it now; the same request may succeed later."""


class Fenced(Unavailable):
    """Another owner has taken this partition; nothing of ours was committed."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a configuration: where, what was found, what was expected."""

    file: str
    key: str
    found: str
    expected: str

    def __str__(self) -> str:
        return f"{self.file}: {self.key}: {self.found}; expected {self.expected}"


class ConfigError(Exception):
    """All problems of a configuration at once."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems
