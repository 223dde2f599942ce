"""What a quantity's sensors are like: what is plausible outdoors, where instruments end, how still they may stand.

`low`/`high`: outside is out of range. The bounds of `city_model.quantities` are what an instrument can report at all; these are what air
can be: records of Vietnam and of the tropics with room to spare. `ceiling`: where common instruments saturate (Plantower 999 and 1000,
Sensirion SPS30 1000). `resolution`: steps below it are no change. `steady`: values at which standing still is no fault (no rain, calm,
saturated air). `may_step`: the real thing can step up within one reading (smoke, wind), so only what comes back at once is a spike.
`jump`: a step from reading to reading that air makes seldom, and not back and forth all the time (ours, not from a standard). `checks`:
which faults may be found in it at all. A road is no air: a jam is a step, restless and unlike its neighbours, so of a loop only what no
road does is a fault.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from city_model.quantities import QUANTITIES
from stream_processor.core.sensors.port import Fault


@dataclass(frozen=True, slots=True)
class Profile:
    """One quantity. See the module."""

    low: float
    high: float
    resolution: float = 0.001
    ceiling: float = np.inf
    steady: tuple[float, ...] = ()
    may_step: bool = False
    jump: float = np.inf
    checks: int = 0xFFFF


_OF_ROAD = int(Fault.STUCK | Fault.OUT_OF_RANGE | Fault.CLOCK | Fault.SILENT)

PROFILES: dict[str, Profile] = {
    "pm25": Profile(0, 1000, 0.1, 999.0, may_step=True, jump=100),
    "pm10": Profile(0, 2000, 0.1, 1999.0, may_step=True, jump=150),
    "so2": Profile(0, 3000, 0.1, may_step=True, jump=200),
    "no2": Profile(0, 2000, 0.1, may_step=True, jump=150),
    "co": Profile(0, 60_000, 1.0, may_step=True, jump=8000),
    "o3": Profile(0, 1000, 0.1, may_step=True, jump=100),
    "temperature": Profile(-25, 55),
    "humidity": Profile(0, 100, 0.01, steady=(100.0,)),
    "pressure": Profile(800, 1085, 0.01),
    "wind_speed": Profile(0, 75, 0.1, steady=(0.0,), may_step=True),
    "wind_direction": Profile(0, 360, 1.0, steady=(0.0,), may_step=True),
    "rain": Profile(0, 200, 0.1, steady=(0.0,), may_step=True),
    "speed_kmh": Profile(0, 200, 0.1, steady=(0.0,), may_step=True, checks=_OF_ROAD),
    "flow_veh_h": Profile(0, 20_000, 1.0, steady=(0.0,), may_step=True, checks=_OF_ROAD),
    "time_occupancy": Profile(0, 1, 0.001, steady=(0.0, 1.0), may_step=True, checks=_OF_ROAD),
}


def profile_of(quantity: str) -> Profile:
    """The profile of `quantity`; of an unknown one, the bounds of its instrument."""
    if quantity in PROFILES:
        return PROFILES[quantity]
    known = QUANTITIES.get(quantity)
    return Profile(known.low, known.high) if known else Profile(-np.inf, np.inf)
