"""Chattering: the same (rule, subject) comes back too often. Judged in event time, from the returns of the subject itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stream_processor.core.detectors.port import Rule, Verdict

CHATTERING = Rule("chattering", "1", "maintenance", "low", "")
_Key = tuple[str, str]


class Chatter:
    """Returns per (rule, subject), each at most `window_ms` old."""

    def __init__(self, count: int, window_ms: int) -> None:
        self._count, self._window_ms = count, window_ms
        self._returns: dict[_Key, list[int]] = {}
        self._device: dict[_Key, str] = {}
        self._since: dict[_Key, int] = {}

    def is_chattering(self, rule: str, subject: str) -> bool:
        return (rule, subject) in self._since

    def returned(self, verdict: Verdict) -> Iterator[Verdict]:
        """The condition of `verdict` is back within the re-alarm interval. Gives the beginning of chattering."""
        if verdict.rule == CHATTERING.name:
            return
        key = (verdict.rule, verdict.subject)
        recent = [at_ms for at_ms in self._returns.get(key, ()) if at_ms > verdict.at_ms - self._window_ms]
        self._returns[key] = [*recent, verdict.at_ms]
        self._device[key] = verdict.device
        if len(recent) + 1 >= self._count and key not in self._since:
            self._since[key] = self._returns[key][0]
            yield self._verdict("onset", key, verdict.at_ms)

    def tick(self, watermark_ms: int) -> list[Verdict]:
        """What has been quiet for a whole window."""
        quiet = [key for key, times in sorted(self._returns.items()) if times[-1] + self._window_ms <= watermark_ms]
        out = [self._verdict("clear", key, self._returns[key][-1] + self._window_ms) for key in quiet if key in self._since]
        for key in quiet:
            del self._returns[key], self._device[key]
            self._since.pop(key, None)
        return out

    def _verdict(self, kind: Any, key: _Key, at_ms: int) -> Verdict:  # noqa: ANN401
        times, (rule, subject) = self._returns[key], key
        evidence = {"returns": float(len(times)), "window_s": self._window_ms / 1000}
        why = f"{rule} came back {self._count} times within {self._window_ms // 60_000} minutes"
        return Verdict(
            kind, CHATTERING.name, f"{subject}#{rule}", self._device[key], at_ms, self._since[key],
            float(len(times)), float(self._count), 1.0, evidence, why,
        )  # fmt: skip

    def snapshot(self) -> list[Any]:
        return [[*key, times, self._device[key], self._since.get(key)] for key, times in self._returns.items()]

    def restore(self, state: list[Any]) -> None:
        self._returns = {(rule, subject): list(times) for rule, subject, times, _, _ in state}
        self._device = {(rule, subject): device for rule, subject, _, device, _ in state}
        self._since = {(rule, subject): since for rule, subject, _, _, since in state if since is not None}
