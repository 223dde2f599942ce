"""The load: exactly so many readings, none twice, the same on every day."""

from __future__ import annotations

import pytest

from city_model.registry import City
from simulators.load import LOAD_START_MS, air_devices, load_batches, load_city_of


@pytest.fixture(scope="module")
def city() -> City:
    return load_city_of(50)


def test_the_city_is_a_good_registry(city: City) -> None:
    assert list(city.check()) == []
    assert len(air_devices(city)) == 50
    assert {len(city.carried_by(d.id)) for d in city.device if d.kind == "agent"} == {11}


def test_fifty_devices_give_a_hundred_thousand_readings_of_their_own(city: City) -> None:
    seen = set()
    for device in air_devices(city):
        for batch in load_batches(city, device, 2000):
            assert len(batch) <= 64
            seen |= {(device, batch.names[i], at) for i, at in zip(batch.name_index.tolist(), batch.at_ms.tolist(), strict=True)}
    assert len(seen) == 100_000
    assert min(at for _, _, at in seen) == LOAD_START_MS


def test_a_number_that_fills_no_batch_is_met_exactly(city: City) -> None:
    assert [len(b) for b in load_batches(city, "air-0007", 131, batch=50, step_ms=1000)] == [50, 50, 31]
