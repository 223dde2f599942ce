"""Who may see and do what: roles × areas × owners. Pure rules; who somebody is stands in `accounts`.

A role says which kinds of alarms a person has to do with and which acts; areas and owners narrow that to places. An owner may share its
sites with others by rule (`[[share]]` of `console.toml`): police, wards and communes look at the same cameras without one of them owning
all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from city_model.events import Alarm, AlarmKind
from city_model.registry import City, Site
from dashboards.console.map_settings import MapSettings

Role = Literal["viewer", "traffic", "environment", "supervisor", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
ALL_KINDS: frozenset[str] = frozenset(get_args(AlarmKind))
_ROAD = frozenset({"congestion", "stopped_vehicle", "wrong_way", "incident", "maintenance"})
_AIR = frozenset({"pollution", "incident", "maintenance"})
SEES: Mapping[Role, frozenset[str]] = {
    "viewer": ALL_KINDS - {"maintenance"}, "traffic": _ROAD, "environment": _AIR, "supervisor": ALL_KINDS, "admin": ALL_KINDS,
}  # fmt: skip
"""Kinds of alarms by role."""

RESPONDERS: frozenset[Role] = frozenset({"traffic", "environment", "supervisor", "admin"})


@dataclass(frozen=True, slots=True)
class Share:
    """`owner` lets every one of `to` see its sites."""

    owner: str
    to: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ConsoleSettings:
    """`console.toml`: which owner shares its sites with whom, and what lies under the map."""

    share: tuple[Share, ...] = ()
    map: MapSettings = field(default_factory=MapSettings)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is signed in. Empty `areas` or `owners`: all of them. `session` is what can be revoked."""

    name: str
    role: Role
    areas: frozenset[str] = frozenset()
    owners: frozenset[str] = frozenset()
    session: str = ""

    def may_respond(self) -> bool:
        return self.role in RESPONDERS


@dataclass(frozen=True, slots=True)
class Sight:
    """What somebody sees: sites by id and kinds of alarms. Equal sights get equal messages, so they are made once."""

    sites: frozenset[str]
    kinds: frozenset[str]

    def sees(self, alarm: Alarm) -> bool:
        return alarm.site in self.sites and alarm.kind in self.kinds


class Sights:
    """Sights by person, one object for all who see the same."""

    def __init__(self, city: City, shares: Iterable[Share] = ()) -> None:
        self._city = city
        self._lent: dict[str, set[str]] = {}
        for share in shares:
            for to in share.to:
                self._lent.setdefault(to, set()).add(share.owner)
        self._known: dict[Sight, Sight] = {}

    def of(self, person: Person) -> Sight:
        """What `person` sees."""
        owners = person.owners | {lent for owner in person.owners for lent in self._lent.get(owner, ())}
        sites = frozenset(site.id for site in self._city.site if _is_seen(site, person.areas, owners))
        sight = Sight(sites, SEES[person.role])
        return self._known.setdefault(sight, sight)


def _is_seen(site: Site, areas: frozenset[str], owners: frozenset[str]) -> bool:
    return (not areas or site.area in areas) and (not owners or site.owner in owners)
