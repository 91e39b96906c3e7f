"""``python -m deploy.engines``: installs the engines that are missing, and checks those that are there."""

from __future__ import annotations

import shutil
import sys
import time

from rich.console import Console

from shared.errors import RecoursError

from .building import build
from .fetching import check, fetch
from .table import BUILT, INSTALLED, KAFKA


def install(console: Console) -> None:
    """Everything that ``recours up --engines real`` needs beside the Python packages. Raises Refused, Unavailable."""
    if shutil.which("java") is None:
        console.print("There is no java here: Kafka runs on Java 17 or newer; install a JRE before you start it.")
    began = time.monotonic()
    if KAFKA.directory.is_dir():
        check(KAFKA, KAFKA.directory)
    else:
        console.print(f"Fetching {KAFKA.name} {KAFKA.version}…")
        fetch(KAFKA)
    for engine in BUILT:
        if not engine.program.exists():
            console.print(f"Building {engine.name} {engine.version}… (minutes, the first time)")
            build(engine)
    names = ", ".join(f"{one.name} {one.version}" for one in (KAFKA, *BUILT))
    console.print(f"{names}: in {INSTALLED}, after {time.monotonic() - began:.0f} s.")


def main() -> None:
    console = Console(highlight=False, soft_wrap=True, markup=False)
    try:
        install(console)
    except RecoursError as error:
        Console(stderr=True, highlight=False, soft_wrap=True, markup=False).print(str(error), style="red")
        sys.exit(1)


if __name__ == "__main__":
    main()
