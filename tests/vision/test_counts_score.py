"""The scoring rules, against the rules' own script where it is at hand and against cases worked by hand."""

from __future__ import annotations

import importlib.util
import json
import os
import random
from pathlib import Path

import pytest

from simulators.cameras.matching import matched, score_line, total
from simulators.cameras.truth import TrueLine, read_truth

DATA = Path(os.environ.get("SAOLA_DATA", Path(__file__).parents[2].parent / "shared" / "data"))
SCRIPT = DATA.parent / "tools" / "score_counts.py"
needs_script = pytest.mark.skipif(not SCRIPT.is_file(), reason=f"no {SCRIPT}")
needs_clips = pytest.mark.skipif(not (DATA / "cameras" / "ground_truth.json").is_file(), reason=f"no clips in {DATA} (SAOLA_DATA)")


@pytest.mark.parametrize(
    ("truth", "told", "pairs"),
    [([], [], 0), ([10], [], 0), ([10], [35], 1), ([10], [36], 0), ([10, 20], [15], 1), ([10, 20, 90], [12, 14, 16], 2)],
)
def test_events_match_one_to_one_within_the_tolerance(truth: list[float], told: list[float], pairs: int) -> None:
    assert matched(truth, told, 25) == pairs


@pytest.mark.parametrize(("found", "error", "judged"), [(1, 1, 1), (2, 0, 2), (3, 0, 2), (4, 1, 3)])
def test_a_count_inside_its_range_is_no_error(found: int, error: int, judged: int) -> None:
    line = score_line([10, 200], 2, 3, [10, 200, 400, 600][:found], 25)
    assert (line.error, line.judged) == (error, judged)


def test_totals_weigh_lines_by_their_vehicles() -> None:
    all_right = score_line([10, 200, 400], 3, 3, [10, 200, 400], 25)
    one_missed = score_line([10], 1, 1, [], 25)
    both = total([all_right, one_missed])
    assert (both.accuracy, both.recall, both.precision, both.exact, both.lines) == (0.75, 0.75, 1.0, 1, 2)


def _guess(line: TrueLine, rng: random.Random) -> list[float]:
    seen = [max(t + rng.gauss(0, 20), 0) for t in line.frames if rng.random() < 0.8]
    return seen + [rng.uniform(0, 300)] * rng.randrange(3)


@needs_script
@needs_clips
def test_the_rules_agree_with_their_script_on_random_predictions() -> None:
    spec = importlib.util.spec_from_file_location("score_counts", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    told = json.loads((DATA / "cameras" / "ground_truth.json").read_text(encoding="utf-8"))["counts"]
    clips = read_truth(DATA / "cameras").clips
    rng = random.Random(7)
    for _ in range(50):
        predictions = {clip.name: {line.name: _guess(line, rng) for line in clip.lines} for clip in clips}
        ours = total(
            [
                score_line(line.frames, line.count, line.count_max + line.motorcycles, predictions[clip.name][line.name], clip.fps)
                for clip in clips
                for line in clip.lines
            ]
        )
        _, theirs = script.score(told, predictions)
        assert [round(v, 4) for v in (ours.accuracy, ours.precision, ours.recall, ours.f1)] == [
            theirs["count_accuracy"], theirs["precision"], theirs["recall"], theirs["f1"],
        ]  # fmt: skip
        assert (ours.lines, ours.exact, ours.events) == (theirs["lines"], theirs["lines_exact"], theirs["events"])
