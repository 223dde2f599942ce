"""What an agent needs to know, whoever starts it: the command with its TOML file, a simulator, a test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from edge_agent.outbox import Budget


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """`id` is the agent's own device id, also its MQTT client id; `sites` gives the site of a carried device that is not the agent's.

    Waits are in real seconds: they are about disks and links, not about the city's time.
    """

    id: str
    site: str
    outbox: Path
    sites: Mapping[str, str] = field(default_factory=dict)
    budget: Budget = field(default_factory=Budget)
    batch_items: int = 256  # a batch is closed when it has so many …
    batch_wait_s: float = 0.2  # … or when its first item has waited so long
    commit_wait_s: float = 0.05  # at least so long from one commit to the next: an SD card wears by the fsync
    window_batches: int = 256  # sent and not acked by the bridge
    resend_after_s: float = 30.0
    refused_wait_s: float = 10.0  # before trying again what the broker refused, doubled each time
    heartbeat_s: float = 30.0
    stop_grace_s: float = 2.0  # for the last acks; what is not acked stays in the outbox

    def site_of(self, device: str) -> str:
        """Where a carried device stands."""
        return self.sites.get(device, self.site)
