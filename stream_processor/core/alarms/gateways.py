"""Agents that are gone. A gateway's loss is one alarm; the silence of the devices it carries follows from it and is hidden by design."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from city_model.events import Status
from city_model.registry import City
from stream_processor.core.detectors.port import Rule, Verdict

GATEWAY_DOWN = Rule("gateway_down", "1", "maintenance", "medium", "s")


class Gateways:
    """Which agents are gone since when, by their retained status (the Will says `offline`)."""

    def __init__(self, city: City, gone_ms: int, recover_ms: int) -> None:
        """`gone_ms`: how long it takes to be a loss; `recover_ms`: how long its devices have to be heard of again afterwards."""
        self._carrier = {device.id: device.agent for device in city.device if device.agent}
        self._agents = frozenset(device.id for device in city.device if device.kind == "agent")
        self._gone_ms, self._recover_ms = gone_ms, recover_ms
        self._since: dict[str, int] = {}
        self._down: set[str] = set()
        self._recovering: dict[str, int] = {}

    def heard(self, device: str, status: Status, now_ms: int) -> Iterator[Verdict]:
        """A status came. A Will is dated when the connection was made, so that the newest tick, `now_ms`, dates the loss."""
        if device not in self._agents:
            return
        if status.state == "offline":
            self._since.setdefault(device, max(now_ms, status.at_ms))
        elif (since := self._since.pop(device, None)) is not None and device in self._down:
            self._down.discard(device)
            self._recovering[device] = max(now_ms, status.at_ms)
            yield self._verdict("clear", device, max(now_ms, status.at_ms), since)

    def tick(self, now_ms: int) -> list[Verdict]:
        """Agents that have been gone for long enough."""
        due = [a for a, since in self._since.items() if a not in self._down and now_ms - since >= self._gone_ms]
        self._down.update(due)
        for agent in due:
            self._recovering.pop(agent, None)
        return [self._verdict("onset", agent, now_ms, self._since[agent]) for agent in sorted(due)]

    def recovered(self, now_ms: int) -> list[str]:
        """Agents that have been back for long enough: what is still silent behind them has a cause of its own."""
        done = sorted(agent for agent, since in self._recovering.items() if now_ms - since >= self._recover_ms)
        for agent in done:
            del self._recovering[agent]
        return done

    def down_for(self, device: str) -> str:
        """The agent whose loss explains the silence of `device`, or an empty text."""
        agent = self._carrier.get(device, "")
        return agent if agent in self._down or agent in self._recovering else ""

    def _verdict(self, kind: Any, agent: str, at_ms: int, since_ms: int) -> Verdict:  # noqa: ANN401
        carried = sum(carrier == agent for carrier in self._carrier.values())
        seconds = (at_ms - since_ms) / 1000
        evidence = {"devices": float(carried), "gone_s": seconds}
        return Verdict(
            kind, GATEWAY_DOWN.name, agent, agent, at_ms, since_ms, seconds, self._gone_ms / 1000, 1.0, evidence, "no connection"
        )

    def snapshot(self) -> dict[str, Any]:
        return {"since": self._since, "down": sorted(self._down), "recovering": self._recovering}

    def restore(self, state: dict[str, Any]) -> None:
        self._since, self._down = dict(state["since"]), set(state["down"])
        self._recovering = dict(state["recovering"])
