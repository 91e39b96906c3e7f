"""The five services together: how soon each is ready, what memory it takes, how long a case takes among others."""

from __future__ import annotations

import asyncio
import math
import time
from typing import Any

import bson
import httpx
import pymongo

from deploy.demo.rest import rest
from deploy.embedded.site import SERVICES
from deploy.embedded.supervisor import Platform
from shared.contracts.catalogue import topics
from shared.runtime.archive import BusReading
from tests.bench import case
from tests.bench.processes import forget_peak, memory, started
from tests.bench.runner import Bench
from tests.shared.runtime.processes import free_port

ROWS = ("services.start", "services.memory", "case.latency", "event.bytes")
MEGABYTE = 1024 * 1024
AT_ONCE = (1, 10, 100)
AT_REST = 10.0
"""Seconds after the last event was read before memory counts as that of a service at rest."""
ENGINES = ("bus", "store", "objects", "keyring", "gateway")


async def rows(bench: Bench) -> None:
    began = time.monotonic()
    async with bench.platform(SERVICES) as engines:
        platform = engines.platform
        bench.figure(
            "services.start.all", "engines and five services, from nothing to ready", "s", [time.monotonic() - began]
        )
        if bench.wants("services.start"):
            await _start(bench, platform)
        if bench.wants("services.memory", "case.latency", "event.bytes"):
            async with httpx.AsyncClient(
                base_url=platform.origin,
                timeout=300,
                trust_env=False,
                limits=httpx.Limits(max_connections=200, max_keepalive_connections=200),
            ) as http:
                await _cases(bench, platform, http)


async def _start(bench: Bench, platform: Platform) -> None:
    """Each service alone, beside the ones that run: a replica more, until it says that it is ready."""
    for name in SERVICES:
        took = []
        for _ in range(bench.repeats):
            async with started(platform, name, free_port()) as (_, seconds):
                took.append(seconds)
        bench.tell(f"  {name} ready in {min(took):.2f}–{max(took):.2f} s")
        bench.figure(f"services.start.{name}", f"{name}: from its start to ready", "s", took)


async def _cases(bench: Bench, platform: Platform, http: httpx.AsyncClient) -> None:
    pids = {name: platform.pid(name) for name in (*SERVICES, *ENGINES)}
    await rest(platform)
    await asyncio.sleep(AT_REST)
    idle = {name: memory(pid) / MEGABYTE for name, pid in pids.items()}
    for pid in pids.values():
        forget_peak(pid)
    team = await case.team(platform, http)
    for at_once in AT_ONCE:
        # Few cases tell little: they are played again; a hundred are their own repeats.
        rounds = bench.repeats if at_once == 1 else max(1, math.ceil(bench.repeats / 4)) if at_once == 10 else 1
        cases = bench.size(at_once)
        lived: list[case.Life] = []
        for _ in range(rounds):
            lived += await asyncio.gather(*(case.life(http, team) for _ in range(cases)))
        took = sorted(one.seconds for one in lived)
        bench.tell(f"  {at_once} at once: {took[len(took) // 2]:.1f} s, the slowest {took[-1]:.1f} s")
        says = f"a case from its opening to the complaint filed, {cases} at once"
        bench.figure(f"case.latency.{at_once}", says, "s", took)
        for step in case.STEPS:
            bench.figure(f"case.latency.{at_once}.{step}", f"of it: {step}", "s", [one.steps[step] for one in lived])
    filed = await _filed(platform)
    asked = sum(one.times for one in bench.figures if one.name in {f"case.latency.{number}" for number in AT_ONCE})
    if filed != asked:
        raise AssertionError(f"{asked} complaints were filed and {filed} are in the log.")
    for name, pid in pids.items():
        if platform.pid(name) != pid:
            raise AssertionError(f"{name} was started again meanwhile: its memory says nothing.")
        bench.figure(f"services.memory.{name}.rest", f"{name}: memory at rest", "MB", [idle[name]])
        peak = memory(pid, "VmHWM") / MEGABYTE
        bench.figure(f"services.memory.{name}.load", f"{name}: most memory under those cases", "MB", [peak])
    await _bytes(bench, platform)


async def _filed(platform: Platform) -> int:
    reading = BusReading(platform.site.address("bus"), ["complaint-filed"])
    return len([one async for one in reading])


async def _bytes(bench: Bench, platform: Platform) -> None:
    """What an event of a real case takes: on the bus, and in the stores of those who publish or follow it."""
    await rest(platform)
    records = [one async for one in BusReading(platform.site.address("bus"), topics())]
    headers = [sum(len(name) + len(value) for name, value in one.headers) for one in records]
    bodies = [len(one.body) for one in records]
    count = len(records)
    bench.figure("event.bytes.headers", f"headers of an event, mean of {count:,}", "bytes", [sum(headers) / count])
    bench.figure("event.bytes.body", f"body of an event, mean of {count:,}", "bytes", [sum(bodies) / count])
    stored, copies = await asyncio.to_thread(_stored, platform)
    says = f"an event in the stores, inboxes included: {copies / count:.1f} copies"
    bench.figure("event.bytes.stored", says, "bytes", [stored / count])


def _stored(platform: Platform) -> tuple[int, int]:
    total = copies = 0
    made: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(platform.site.store_url)
    with made as client:
        for service in SERVICES:
            for name in ("events", "inbox"):
                for document in client[f"recours_{service}"][name].find():
                    total += len(bson.encode(document))
                    copies += 1
    return total, copies
