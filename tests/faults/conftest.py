"""The test bed of a module, a pair of services on it, and the seed of the run."""

from __future__ import annotations

import asyncio
import json
import os
import random
from pathlib import Path

import pytest

from tests.faults.bed import bed as make_bed
from tests.faults.bed import by_service
from tests.faults.load import Load
from tests.faults.replicas import running

SEED = int(os.environ.get("RECOURS_FAULT_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)


@pytest.fixture(scope="module")
async def bed(tmp_path_factory, engines):
    async with make_bed(tmp_path_factory.mktemp("faults"), engines) as bed:
        yield bed


@pytest.fixture(scope="module")
async def services(bed):
    pair = bed.replica("intake"), bed.replica("notify")
    async with running(*pair):
        yield pair


@pytest.fixture
async def pair(services):
    """The module's intake and notify, both alive and well."""
    await asyncio.gather(*(one.start() for one in services if not one.alive))
    return services


@pytest.fixture
def seed(request):
    """RECOURS_FAULT_SEED, or drawn for the run; each test has its own of it. A failed test shows it."""
    print(f"RECOURS_FAULT_SEED={SEED}")  # noqa: T201 - pytest captures it
    return f"{SEED}/{request.node.name}"


@pytest.fixture
def load(pair, seed):
    return Load(seed, by_service(*pair))


@pytest.fixture
def measured(request):
    """Notes how long a recovery took, for the table of docs/reliability.md, where RECOURS_FAULT_REPORT names a file."""

    def note(seconds: float, of: str = "") -> None:
        line = {"test": request.node.name, "of": of, "seconds": round(seconds, 1)}
        print(line)  # noqa: T201 - pytest captures it
        if report := os.environ.get("RECOURS_FAULT_REPORT"):
            with Path(report).open("a") as file:
                file.write(json.dumps(line) + "\n")

    return note
