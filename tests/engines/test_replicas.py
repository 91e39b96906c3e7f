"""Two replicas of legal and of evidence in one consumer group: both work, either is enough, none is missed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections import Counter
from datetime import timedelta

import httpx
import pytest
from aiokafka.admin import AIOKafkaAdminClient

from deploy.demo.client import Person
from deploy.demo.rest import rest
from deploy.demo.story import PASSPHRASE
from shared import clock
from tests.deploy.processes import until
from tests.deploy.toy_platform import recours

pytestmark = [
    pytest.mark.platform,
    pytest.mark.timeout(300),
    pytest.mark.engines("real", reason="the embedded engines run one process of each service"),
]
REPLICATED = ("evidence", "legal")


async def opened(http) -> str:
    act = {"kind": "insult", "day": (clock.paris_day(clock.now()) - timedelta(days=3)).isoformat(), "public": True}
    opening = {"persona": "victim", "passphrase": PASSPHRASE, "acts": [act], "authors_at_most": 2}
    return str((await Person(http).sign_in("/api/cases", opening))["case"])


@pytest.fixture
async def http(platform):
    async with httpx.AsyncClient(base_url=platform.origin, timeout=60, trust_env=False) as http:
        yield http


def heard(everything, service: str, cases: list[str]) -> bool:
    """Whether a service knows all of these cases, each once."""
    found = everything.collection(service, "inbox").find({"topic": "case-opened"}, {"key": 1})
    counts = Counter(bytes(one["key"]).decode() for one in found)
    return all(counts[case] == 1 for case in cases)


def gap_free(everything, cases: list[str]) -> bool:
    by_aggregate: dict[str, list[int]] = {}
    for service in ("intake", *REPLICATED, "billing", "notify"):
        for one in everything.collection(service, "events").find({"key": {"$in": [case.encode() for case in cases]}}):
            by_aggregate.setdefault(one["aggregate"], []).append(one["sequence"])
    return all(sorted(one) == list(range(1, len(one) + 1)) for one in by_aggregate.values())


async def known_to_all(everything, cases):
    async def look():
        return all([await asyncio.to_thread(heard, everything, service, cases) for service in REPLICATED])

    await until(look, 120)


async def members(platform, service: str) -> int:
    """How many members of the service's group hold partitions."""
    admin = AIOKafkaAdminClient(bootstrap_servers=platform.site.address("bus"))
    await admin.start()
    try:
        [answer] = await admin.describe_consumer_groups([f"recours-{service}"])
        [group] = answer.groups
        state, described = group[2], group[5]
        return sum(len(one[4]) > 20 for one in described) if state == "Stable" else 0
    finally:
        await admin.close()


@pytest.mark.parametrize("service", REPLICATED)
async def test_both_replicas_hold_partitions_and_both_write(platform, everything, http, service):
    async def shared():
        return await members(platform, service) == 2

    await until(shared, 60)
    cases = [await opened(http) for _ in range(12)]
    await known_to_all(everything, cases)
    writers = Counter(
        one["epoch"].split("-")[0]
        for one in everything.collection(service, "events").find({"topic": {"$ne": "checkpoint"}}, {"epoch": 1})
    )
    assert service == "evidence" or set(writers) == {"1", "2"}, writers


@pytest.mark.parametrize("killed", ["legal", "legal-2", "evidence-2"])
async def test_the_other_replica_takes_over_from_one_that_is_killed(platform, everything, http, killed):
    cases = [await opened(http) for _ in range(4)]
    platform.kill(killed)
    cases += [await opened(http) for _ in range(8)]
    await known_to_all(everything, cases)
    await platform.wait_restarted(killed)
    assert gap_free(everything, cases)


async def test_a_rolling_restart_of_every_service_loses_nothing(platform, engines, everything, http, tmp_path):
    cases: list[str] = []
    rolling = True

    async def load():
        while rolling:
            try:
                cases.append(await opened(http))
            except Exception:  # what was not answered is not promised
                await asyncio.sleep(0.2)
            await asyncio.sleep(0.1)

    loading = asyncio.create_task(load())
    try:
        for service in ("intake", *REPLICATED, "billing", "notify"):
            for process in engines.replicas_of(service):
                before = platform.pid(process)
                os.kill(before, signal.SIGTERM)
                await platform.wait_restarted(process, before)
    finally:
        rolling = False
        await loading
    assert len(cases) > 10
    await known_to_all(everything, cases)
    await rest(platform)
    await everything.quiet()
    assert gap_free(everything, cases)
    report = tmp_path / "audit.json"
    result = await recours("audit", "--data", str(platform.data), "--json", str(report))
    assert result.exit_code == 0, result.output
    assert json.loads(report.read_text())["result"] == "ok"
