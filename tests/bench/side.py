"""One measured side in a process of its own: ``python -m tests.bench.side MODULE.FUNCTION``.

It reads its plan as JSON from standard input and prints what was measured as the last line of its output.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib
import json
import logging
import os
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import structlog

from tests.bench.processes import memory, processor_seconds

Plan = dict[str, Any]


@dataclass(slots=True)
class Measured:
    """What one run gave: ``count`` outputs whose ``digest`` the other side has to have too, and what they cost.

    ``rss``: the process's peak in bytes. ``more``: figures of this row alone.
    """

    seconds: float
    cpu: float
    count: int
    digest: str
    rss: int = 0
    more: dict[str, float] = field(default_factory=dict)


class Watch:
    """Wall-clock and processor seconds of this process between ``start`` and ``stop``, and those of the engines.

    The engines' processes are the plan's ``pids``, by name; their seconds go to ``more`` as ``cpu_<name>``.
    """

    def __init__(self, plan: Plan) -> None:
        self._pids: Mapping[str, int] = plan.get("pids", {})
        self._began: tuple[float, float, Mapping[str, float]] | None = None

    def start(self) -> None:
        """Begin, once: later calls change nothing."""
        if self._began is None:
            self._began = (time.perf_counter(), time.process_time(), self._engines())

    def stop(self, count: int, **more: float) -> Measured:
        if self._began is None:
            raise AssertionError("Nothing was begun.")
        wall, cpu, before = self._began
        took, worked = time.perf_counter() - wall, time.process_time() - cpu
        more |= {f"cpu_{name}": seconds - before[name] for name, seconds in self._engines().items()}
        return Measured(took, worked, count, "", more=more)

    def _engines(self) -> Mapping[str, float]:
        return {name: processor_seconds(pid) for name, pid in self._pids.items()}


def digest_of(parts: Iterable[bytes]) -> str:
    """The same for the same outputs, in whatever order they came and however often each one did (duplicates show)."""
    digest = hashlib.sha256()
    for one in sorted(hashlib.sha256(part).digest() for part in parts):
        digest.update(one)
    return digest.hexdigest()[:32]


def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    module, _, function = sys.argv[1].rpartition(".")
    act = getattr(importlib.import_module(f"tests.bench.{module}"), function)
    measured: Measured = asyncio.run(act(json.load(sys.stdin)))
    measured.rss = measured.rss or memory(os.getpid(), "VmHWM")
    print(json.dumps(asdict(measured)), flush=True)  # noqa: T201 - this is its answer


if __name__ == "__main__":
    main()
