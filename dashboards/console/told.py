"""What the console tells at its status port."""

from __future__ import annotations

from collections.abc import Iterable

from city_model.service.about import About
from dashboards.console.follow import Follower
from dashboards.console.hub import Hub
from dashboards.console.view import View


def about_console(follower: Follower, view: View, hub: Hub) -> About:
    """Ready when the log has been read up to its end, and can be read. `received` counts records that were followed."""

    def reasons() -> Iterable[str]:
        if view.log_fault:
            yield f"the log cannot be read: {view.log_fault}"
        elif not follower.ready.is_set():
            yield "still reading what stands in the log"

    def told() -> dict[str, float]:
        return {"received": float(follower.taken), "errors": float(view.unreadable)}

    return About("console", told, reasons, lambda: {"viewers": float(len(hub.viewers))})
