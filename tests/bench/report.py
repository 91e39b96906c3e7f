"""What came out: a table for the terminal, the same in Markdown, and JSON with every single run."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.bench.ratios import NOISE_LIMIT, Goal, Spread, conclusive, verdict
from tests.bench.runner import Bench, Figure, Ratio

Report = dict[str, Any]
ENOUGH = 7
"""Repeats below which a table says that they are too few."""
_RATIOS = ("row", "what", "ratio (min–max)", "goal", "", "reference", "subject", "noise (worst)")
_FIGURES = ("row", "what", "median (min–max)", "times", "goal", "")


def report_of(bench: Bench, *, began: str, took: float) -> Report:
    """Everything measured, as JSON has it."""
    return {
        "began": began,
        "seconds": round(took, 1),
        "engines": bench.engine_set.name,
        "repeats": bench.repeats,
        "scale": bench.scale,
        "seed": bench.seed,
        "machine": {
            "cores": os.cpu_count(),
            "load": [round(one, 2) for one in os.getloadavg()],
            "python": platform.python_version(),
            "system": platform.system(),
        },
        "ratios": [_ratio(one) for one in bench.ratios],
        "figures": [_figure(one) for one in bench.figures],
        "broken": bench.broken,
        "subjects": {name: round(seconds, 1) for name, seconds in bench.seconds.items()},
        "runs": bench.runs,
    }


def _ratio(one: Ratio) -> Mapping[str, Any]:
    row = one.row
    return {
        "name": row.name,
        "says": row.says,
        "ratio": asdict(one.ratios),
        "each": list(one.each),
        "noise": asdict(one.noise) if one.noise else None,
        "goal": asdict(row.goal) if row.goal else None,
        "verdict": verdict(one.ratios, row.goal),
        "conclusive": conclusive(one.noise) if one.noise else None,
        "reference": {"side": row.reference.name, "microseconds": _micro(one.reference)},
        "subject": {"side": row.subject.name, "microseconds": _micro(one.subject)},
    }


def _micro(one: Spread) -> Mapping[str, float]:
    return {name: value * 1e6 for name, value in asdict(one).items()}


def _figure(one: Figure) -> Mapping[str, Any]:
    return {
        "name": one.name,
        "says": one.says,
        "unit": one.unit,
        "value": asdict(one.values),
        "times": one.times,
        "goal": asdict(one.goal) if one.goal else None,
        "verdict": verdict(one.values, one.goal),
    }


def show(console: Console, report: Report) -> None:
    """The tables, for a person at a terminal."""
    for title, columns, rows in _tables(report):
        table = Table(*columns, title=title, title_justify="left")
        for row in rows:
            table.add_row(*row)
        console.print(table)
    console.print(_said(report), markup=False)
    for line in report["broken"]:
        console.print(f"broken: {line}", style="bold red", markup=False)


def markdown(report: Report) -> str:
    """The tables as docs/performance.md has them."""
    lines = []
    for title, columns, rows in _tables(report):
        lines += [f"### {title}", "", _line(columns), _line(["---"] * len(columns)), *map(_line, rows), ""]
    lines += [_said(report), *(f"\nBroken: {one}" for one in report["broken"])]
    return "\n".join(lines)


def read(text: str) -> Report:
    """A report that an earlier run wrote."""
    found: Report = json.loads(text)
    return found


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _tables(report: Report) -> Iterable[tuple[str, Sequence[str], list[list[str]]]]:
    if report["ratios"]:
        yield "Ratios", _RATIOS, [_ratio_row(one) for one in report["ratios"]]
    if report["figures"]:
        yield "Figures", _FIGURES, [_figure_row(one) for one in report["figures"]]


def _ratio_row(one: Mapping[str, Any]) -> list[str]:
    found = one["noise"]
    judged = one["verdict"] if one["goal"] else ""
    if one["conclusive"] is False:
        judged = f"inconclusive {judged}".strip()
    return [
        one["name"],
        one["says"],
        _spread(one["ratio"]),
        _goal(one["goal"]),
        judged,
        f"{_number(one['reference']['microseconds']['median'])} us",
        f"{_number(one['subject']['microseconds']['median'])} us",
        f"{found['median']:.2f} ({found['high']:.2f})" if found else "",
    ]


def _figure_row(one: Mapping[str, Any]) -> list[str]:
    value = _spread(one["value"]) if one["times"] > 1 else _number(one["value"]["median"])
    judged = one["verdict"] if one["goal"] else ""
    return [one["name"], one["says"], f"{value} {one['unit']}", str(one["times"]), _goal(one["goal"]), judged]


def _goal(goal: Mapping[str, Any] | None) -> str:
    if goal is None:
        return ""
    told = Goal(**goal)
    return f"{'≥' if told.sense == 'at least' else '≤'} {told.value:g}"


def _spread(one: Mapping[str, float]) -> str:
    return f"{_number(one['median'])} ({_number(one['low'])}–{_number(one['high'])})"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _said(report: Report) -> str:
    machine = report["machine"]
    few = "" if report["repeats"] >= ENOUGH else f" Only {report['repeats']} repeats: {ENOUGH} are due."
    scaled = "" if report["scale"] == 1 else f" Sizes times {report['scale']:g}: for trying out only."
    return (
        f"{report['engines'].capitalize()} engines, {machine['cores']} cores, Python {machine['python']}, "
        f"{report['began'][:10]}; {report['repeats']} repeats in {report['seconds'] / 60:.1f} minutes, load at the end "
        f"{machine['load'][0]:g}. Medians, with the least and the greatest of the repeats; noise is the reference "
        f"against itself, above {NOISE_LIMIT} a row is inconclusive.{few}{scaled}"
    )
