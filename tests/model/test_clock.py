"""Clocks: the wall's, a scaled one and one that is told."""

from __future__ import annotations

import asyncio
import time

from city_model.clock import ManualClock, ScaledClock, WallClock


async def test_a_manual_clock_wakes_a_sleeper_when_it_is_moved_far_enough() -> None:
    clock = ManualClock(1_000)
    sleeper = asyncio.create_task(clock.sleep_until(3_000))
    await asyncio.sleep(0)
    clock.advance_to(2_000)
    await asyncio.sleep(0)
    assert not sleeper.done()
    clock.advance_to(3_000)
    await asyncio.wait_for(sleeper, 1.0)


async def test_a_manual_clock_never_goes_back() -> None:
    clock = ManualClock(1_000)
    clock.advance_to(500)
    assert clock.now_ms() == 1_000
    await clock.sleep_until(900)


async def test_many_sleepers_wake_in_the_order_of_their_times_or_together() -> None:
    clock = ManualClock()
    woken: list[int] = []

    async def sleep(at_ms: int) -> None:
        await clock.sleep_until(at_ms)
        woken.append(at_ms)

    tasks = [asyncio.create_task(sleep(at)) for at in (30, 10, 20)]
    for at in (10, 20, 30):
        await asyncio.sleep(0)
        clock.advance_to(at)
        await asyncio.sleep(0)
    await asyncio.gather(*tasks)
    assert woken == [10, 20, 30]


async def test_a_scaled_clock_runs_as_many_times_as_fast_as_it_says() -> None:
    clock = ScaledClock(5_000, 1_000.0)
    began_s = time.monotonic()
    await clock.sleep_until(65_000)
    took_s = time.monotonic() - began_s
    assert clock.now_ms() >= 65_000
    assert 0.05 <= took_s < 5.0  # a minute of the city, 60 ms of ours; the upper bound allows for a busy machine


async def test_the_wall_clock_is_the_machines() -> None:
    clock = WallClock()
    assert abs(clock.now_ms() - time.time() * 1000) < 1_000
    await clock.sleep_until(clock.now_ms() - 1)
