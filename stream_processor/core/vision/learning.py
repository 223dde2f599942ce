"""When and how much of what a strip shows is taken for road: flat along the travel, still, and not under a vehicle.

What stands on the road (a queue, a stopped car) is still too: it counts a tenth, and only when it has stood for LONG_MS, so that a road
wrongly learned comes right in seconds and a rightly learned one outlasts a queue.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_processor.core.vision.ground import Ground
from stream_processor.core.vision.line_evidence import differences, everywhere
from stream_processor.core.vision.packing import pack, unpack

EVERY_MS, WARM_EVERY_MS = 200, 80
STILL_MS = 800
LONG_MS = 2 * STILL_MS
STEEP_GREY = 4.0
"""A step to the next cell along the travel of so many grey levels makes a sample count 1/e."""
MOVED_GREY = 6.7
"""… and so does a change of this many since STILL_MS ago."""
FLAT_LEAST, STILL_LEAST = 0.1, 0.05
COVERED, COVERED_WARM, COVERED_LONG = 0.01, 0.3, 0.1
"""Share that counts under a vehicle: always, in the first seconds, and where nothing has moved for LONG_MS."""
AGAIN = 0.3
ON_LINE = 12.0

Floats = NDArray[np.float32]


class Learner:
    """State of one strip: its ground and the pictures that stillness is told from."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self.ground = Ground(shape)
        self.started = False
        self._past: list[tuple[int, Floats]] = []

    def begin(self, pictures: Floats, times_ms: list[int], valid: NDArray[np.bool_]) -> None:
        """Learn the road from the first seconds, twice: the second time it is known where vehicles were."""
        self.started = True
        chosen = every(times_ms, WARM_EVERY_MS)
        lag = max(1, sum(at < times_ms[0] + STILL_MS for at in times_ms))
        other = [i - lag if i >= lag else min(len(times_ms) - 1, i + lag) for i in chosen]
        seconds = (times_ms[-1] - times_ms[0]) / 1000 / len(chosen)
        for i, o in zip(chosen, other, strict=True):
            self.ground.learn(pictures[i], worth(pictures[i], _still(pictures[i], pictures[o])) * np.float32(seconds))
        self.ground.settle()
        road, noise = self.ground.value, self.ground.noise
        gains = self.ground.gains(pictures, valid)[:, None, None]
        self.ground.doubt(AGAIN)
        for i, o in zip(chosen, other, strict=True):
            picture, past = pictures[i] / gains[i], pictures[o] / gains[o]
            covered = everywhere(differences(picture[None], road, noise, valid)[0]) > ON_LINE
            share = worth(picture, _still(picture, past)) * np.float32(seconds)
            self.ground.learn(picture, np.where(covered, share * np.float32(COVERED_WARM), share))
        self.ground.settle()
        for i in chosen:
            self.ground.watch(pictures[i] / gains[i])

    def study(self, pictures: Floats, difference: Floats, times_ms: list[int]) -> None:
        """Learn from further pictures, freed of gain, and their differences to the road."""
        chosen = [i - 1 for i in every([self._past[-1][0] if self._past else times_ms[0] - EVERY_MS, *times_ms], EVERY_MS)[1:]]
        if not chosen:
            return
        then, long_ago, seconds = [], [], []
        for i in chosen:
            at_ms, picture = times_ms[i], pictures[i]
            seconds.append(min(at_ms - self._past[-1][0], 1_000) / 1000 if self._past else EVERY_MS / 1000)
            then.append(self._before(at_ms - STILL_MS, picture))
            long_ago.append(self._before(at_ms - LONG_MS, picture))
            self._past.append((at_ms, picture.copy()))
            while len(self._past) > 1 and self._past[1][0] <= at_ms - LONG_MS:
                self._past.pop(0)
        shares = _shares(pictures[chosen], np.stack(then), np.stack(long_ago), difference[chosen])
        for i, share, since_s in zip(chosen, shares, seconds, strict=True):
            self.ground.learn(pictures[i], share * np.float32(since_s))
            self.ground.watch(pictures[i])
        self.ground.settle()

    def _before(self, at_ms: int, otherwise: Floats) -> Floats:
        """The newest picture not younger than `at_ms`, or the oldest there is."""
        older = [picture for then_ms, picture in self._past if then_ms <= at_ms]
        return older[-1] if older else self._past[0][1] if self._past else otherwise

    def moved(self, ground: Ground, rows: Floats, columns: Floats) -> Learner:
        """The learner of another strip of the same line, which knows its `ground`; its cells lie at `rows` and `columns` of this one."""
        other = Learner((len(rows), len(columns)))
        other.ground, other.started = ground, self.started
        place = np.ix_(np.rint(rows).astype(np.intp), np.rint(columns).astype(np.intp))
        other._past = [(at_ms, picture[place]) for at_ms, picture in self._past]
        return other

    def snapshot(self) -> dict[str, Any]:
        """Everything, msgpack-able."""
        return {"ground": self.ground.snapshot(), "started": self.started, "past": [[at_ms, pack(p)] for at_ms, p in self._past]}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `snapshot`."""
        self.ground.restore(state["ground"])
        self.started, self._past = state["started"], [(at_ms, unpack(p)) for at_ms, p in state["past"]]


def every(times_ms: list[int], every_ms: int) -> list[int]:
    """Indices of times at least about `every_ms` apart, the first one included."""
    chosen = [0]
    for i, at_ms in enumerate(times_ms):
        if at_ms - times_ms[chosen[-1]] >= 0.9 * every_ms:
            chosen.append(i)
    return chosen


def worth(picture: Floats, still: Floats) -> Floats:
    """Share of a second that each cell of `picture` (rows, columns, …) counts, by how flat and how `still` (0..1) it is."""
    step = np.empty_like(picture)
    step[0] = 0.0
    np.abs(picture[1:] - picture[:-1], out=step[1:])
    flat = np.exp(np.reshape(cv2.blur(step, (1, 5)), step.shape) * np.float32(-1 / STEEP_GREY))
    flat *= np.float32(1 - FLAT_LEAST)
    flat += np.float32(FLAT_LEAST)
    flat *= np.float32(STILL_LEAST) + np.float32(1 - STILL_LEAST) * still
    return np.asarray(flat, np.float32)


def _still(picture: Floats, past: Floats) -> Floats:
    return np.asarray(np.exp(np.abs(picture - past) * np.float32(-1 / MOVED_GREY)), np.float32)


def _shares(pictures: Floats, then: Floats, long_ago: Floats, difference: Floats) -> Floats:
    """What a second of each of `pictures` is worth, compared with those of STILL_MS and LONG_MS before; shapes (frames, rows, columns).

    The frames are the channels of one picture: a blur of all of them costs little more than one.
    """
    now, before, early, off = (np.ascontiguousarray(p.transpose(1, 2, 0)) for p in (pictures, then, long_ago, difference))
    still = _still(now, before)
    under = np.float32(COVERED) + np.float32(COVERED_LONG) * (still * _still(now, early))
    share = worth(now, still) * np.where(everywhere(off) > ON_LINE, under, np.float32(1.0))
    return np.ascontiguousarray(share.transpose(2, 0, 1))
