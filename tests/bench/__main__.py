"""``python -m tests.bench``: measure, print the tables, write JSON. Exit code 1 where outputs were not as they must be.

A goal that is missed is a finding and no failure.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import random
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from deploy.embedded.engine_sets import SETS, named
from deploy.embedded.files import private_directory
from deploy.embedded.site import ROOT
from shared import clock, logs
from tests.bench import report
from tests.bench.runner import Bench

DIRECTORY = ROOT / "var" / "bench"
SUBJECTS = ("bus", "store", "history", "hot", "upload", "costs", "services", "audit")
"""Modules of this package, in the order in which they are measured; each has ``rows(bench)``."""


def main() -> int:
    given = _arguments()
    console = Console(highlight=False, soft_wrap=True, stderr=True)
    for earlier in given.show:
        _print(report.read(earlier.read_text()), markdown=given.markdown)
    if given.show:
        return 0
    bench = Bench(
        engine_set=named(given.engines),
        repeats=given.repeats,
        scale=given.scale,
        wanted=tuple(given.rows),
        directory=private_directory(DIRECTORY),
        console=console,
        seed=given.seed,
    )
    began, clocked = clock.now().isoformat(), time.monotonic()
    given.json.parent.mkdir(parents=True, exist_ok=True)

    def keep() -> report.Report:
        made = report.report_of(bench, began=began, took=time.monotonic() - clocked)
        given.json.write_text(json.dumps(made, indent=1) + "\n")
        return made

    (DIRECTORY / "sides.log").unlink(missing_ok=True)
    with (DIRECTORY / "supervisor.log").open("w") as log:
        logs.configure("bench", stream=log)
        asyncio.run(_measure(bench, keep))
    _print(keep(), markdown=given.markdown)
    console.print(f"Every run is in {given.json}.", markup=False)
    return 1 if bench.broken else 0


async def _measure(bench: Bench, keep: Callable[[], object]) -> None:
    """Measure what is wanted; ``keep`` is called after each subject, so that a run cut short leaves what it has."""
    for name in SUBJECTS:
        subject = importlib.import_module(f"tests.bench.{name}")
        if not bench.wants(*subject.ROWS):
            continue
        bench.tell(f"{name}: {(subject.__doc__ or name).splitlines()[0]}")
        began = time.monotonic()
        try:
            await subject.rows(bench)
        except Exception as error:  # one subject that breaks leaves the others their figures
            with (bench.directory / "sides.log").open("a") as log:
                traceback.print_exc(file=log)
            bench.broken.append(f"{name}: {error or type(error).__name__}")
            bench.tell(f"  broken: {error}")
        finally:
            await bench.rest()
        bench.seconds[name] = time.monotonic() - began
        keep()


def _print(made: report.Report, *, markdown: bool) -> None:
    if markdown:
        sys.stdout.write(report.markdown(made) + "\n")
    else:
        report.show(Console(highlight=False, width=None if sys.stdout.isatty() else 200), made)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="How fast is recours?")
    parser.add_argument("--rows", nargs="*", default=[], metavar="NAME", help="rows, or beginnings of their names")
    parser.add_argument("--repeats", type=_positive, default=7, help="of each side of each row (7)")
    parser.add_argument("--engines", choices=tuple(SETS), default="embedded")
    parser.add_argument("--json", type=Path, default=DIRECTORY / "bench.json", help="where to write every run")
    parser.add_argument("--markdown", action="store_true", help="print the tables as docs/performance.md has them")
    parser.add_argument("--show", type=Path, nargs="+", default=[], metavar="FILE", help="print earlier runs alone")
    parser.add_argument("--scale", type=float, default=1.0, help="multiply sizes, to try things out (1)")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000), help="of the order of runs")
    return parser.parse_args()


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least once")
    return number


if __name__ == "__main__":
    sys.exit(main())
