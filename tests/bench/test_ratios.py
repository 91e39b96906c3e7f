from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from tests.bench import report
from tests.bench.ratios import Goal, Spread, conclusive, noise, speeds, spread, verdict
from tests.bench.side import digest_of


def test_a_subject_that_takes_twice_as_long_is_half_as_fast_repeat_by_repeat():
    assert speeds([1.0, 3.0], [2.0, 6.0]) == [0.5, 0.5]
    assert speeds([1.0, 3.0], [2.0, 1.5]) == [0.5, 2.0]


def test_repeats_that_are_missing_on_one_side_are_no_ratio():
    with pytest.raises(ValueError, match="shorter"):
        speeds([1.0, 2.0], [1.0])


def test_the_median_is_of_the_ratios_and_one_wild_repeat_does_not_move_it():
    found = spread(speeds([1, 1, 1, 1, 1, 1, 1], [2, 2, 2, 2, 2, 2, 200]))
    assert found == Spread(0.5, 0.005, 0.5)


def test_nothing_measured_is_no_figure():
    with pytest.raises(ValueError, match="Nothing"):
        spread([])


def test_noise_is_the_same_whichever_run_of_the_reference_was_the_longer():
    assert noise([1.0, 2.0, 3.0], [2.0, 1.0, 3.0]) == Spread(2.0, 1.0, 2.0)


@pytest.mark.parametrize(("found", "quiet"), [(1.0, True), (1.3, True), (1.31, False)])
def test_a_reference_that_differs_from_itself_by_more_than_three_tenths_concludes_nothing(found, quiet):
    assert conclusive(Spread(found, 1.0, 5.0)) is quiet


@pytest.mark.parametrize(
    ("goal", "median", "said"),
    [
        (Goal("at least", 0.65), 0.65, "met"),
        (Goal("at least", 0.65), 0.64, "missed"),
        (Goal("at most", 1.5), 1.5, "met"),
        (Goal("at most", 1.5), 1.51, "missed"),
        (None, 0.1, "measured"),
    ],
)
def test_the_median_alone_decides_whether_a_goal_is_met(goal, median, said):
    assert verdict(Spread(median, 0.0, 99.0), goal) == said


def test_the_same_outputs_in_another_order_have_one_digest_and_a_doubled_one_has_another():
    assert digest_of([b"one", b"two"]) == digest_of([b"two", b"one"])
    assert digest_of([b"one", b"two"]) != digest_of([b"one", b"two", b"two"])
    assert digest_of([b"one", b"two"]) != digest_of([b"onet", b"wo"])


REPORT: report.Report = {
    "began": "2026-11-22T20:00:00+00:00",
    "seconds": 60,
    "engines": "embedded",
    "repeats": 2,
    "scale": 1,
    "seed": 1,
    "machine": {"cores": 2, "load": [0.5, 0, 0], "python": "3.11", "system": "Linux"},
    "ratios": [
        {
            "name": "bus.path",
            "says": "ours / theirs",
            "ratio": {"median": 0.5, "low": 0.4, "high": 0.6},
            "each": [0.4, 0.6],
            "noise": {"median": 1.4, "low": 1.0, "high": 2.0},
            "goal": {"sense": "at least", "value": 0.65},
            "verdict": "missed",
            "conclusive": False,
            "reference": {"side": "theirs", "microseconds": {"median": 100.0, "low": 100.0, "high": 100.0}},
            "subject": {"side": "ours", "microseconds": {"median": 200.0, "low": 200.0, "high": 200.0}},
        }
    ],
    "figures": [],
    "broken": [],
    "subjects": {},
    "runs": [],
}


def test_a_noisy_row_says_that_it_is_inconclusive_and_a_short_run_that_its_repeats_are_too_few():
    made = report.markdown(report.read(json.dumps(REPORT)))
    assert "inconclusive" in made
    assert "missed" in made
    assert "7 are due" in made
    quiet = {**REPORT, "repeats": 7, "ratios": [{**REPORT["ratios"][0], "conclusive": True}]}
    assert "| inconclusive" not in report.markdown(quiet)
    assert "are due" not in report.markdown(quiet)


def test_the_terminal_shows_every_row_of_the_markdown():
    told = io.StringIO()
    report.show(Console(file=told, width=250), REPORT)
    assert "bus.path" in told.getvalue()
    assert "0.50 (0.40–0.60)" in told.getvalue()
