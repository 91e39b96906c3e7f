"""A follower that reads while one case of many is changed by commands, twenty a second."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
from pathlib import Path

from deploy.embedded.site import ROOT
from shared import ids
from shared.errors import Unavailable
from shared.trust.signing import KeySet
from tests.bench import feed, follower, stores
from tests.bench.ratios import Goal
from tests.bench.runner import Bench, Prepared, Row, Side
from tests.bench.side import Measured, Plan, Watch
from tests.bench.stores import Follower

ROWS = ("store.hot",)
EVENTS, CASES = 3_000, 200
A_SECOND = 20
KEPT_UP = 0.9
"""Share of the commands due that must have been accepted: less would be another load."""


async def rows(bench: Bench) -> None:
    engines = await bench.engines()
    count = bench.size(EVENTS, 1_500)
    made = feed.messages(feed.key(), count, CASES, hot=True)
    await engines.topics(feed.TOPIC, "record-viewed")
    await feed.publish(engines.bus, made, idempotence=engines.idempotence)

    async def prepared(side: Side) -> Prepared:
        plan = {
            **engines.plan,
            "database": f"bench_{ids.new()[:8]}",
            "service": follower.name(),
            "count": count,
            "flags": str(bench.directory / f"hot-{ids.new()[:8]}"),
        }
        return Prepared(plan)

    quiet, again = Side("no commands", "hot.quiet"), Side("no commands again", "hot.quiet")
    goal = Goal("at least", 0.5)
    await bench.compare(
        prepared,
        [
            Row(
                "store.hot",
                f"{A_SECOND} commands/s on one case, from another replica / none",
                quiet,
                Side("commands of another replica", "hot.replica"),
                again,
                goal,
            ),
            Row(
                "store.hot.within",
                f"{A_SECOND} commands/s on one case, in the same process / none",
                quiet,
                Side("commands in the process", "hot.within"),
                again,
                goal,
            ),
        ],
    )


async def quiet(plan: Plan) -> Measured:
    """The feed alone."""
    async with _opened(plan) as made:
        return await _read(plan, made)


async def within(plan: Plan) -> Measured:
    """Commands in the follower's own process, where both take the aggregate's lock."""
    async with _opened(plan) as made:
        stop = asyncio.Event()
        asking = asyncio.create_task(_command(made, stop))
        measured = await _read(plan, made)
        stop.set()
        accepted, due = await asking
    return _loaded(measured, accepted, due)


async def replica(plan: Plan) -> Measured:
    """Commands in another process, where only the store can tell."""
    begin, end = _flags(plan)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    other = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.side", "hot.commander"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
        env=environment,
    )
    if other.stdin is None:
        raise AssertionError("The other replica cannot be told anything.")
    other.stdin.write(json.dumps(plan).encode())
    other.stdin.close()
    try:
        async with _opened(plan) as made:
            measured = await _read(plan, made, begin=begin)
        end.touch()
        async with asyncio.timeout(60):
            said, _ = await other.communicate()
        told = json.loads(said.splitlines()[-1])
    finally:
        begin.unlink(missing_ok=True)
        end.unlink(missing_ok=True)
        if other.returncode is None:
            other.kill()
            await other.wait()
    return _loaded(measured, told["count"], told["more"]["due"])


async def commander(plan: Plan) -> Measured:
    """The other replica: commands from when the first file is there until the second one is."""
    begin, end = _flags(plan)
    async with _opened(plan) as made:
        while not begin.exists():  # noqa: ASYNC110 - another process makes it
            await asyncio.sleep(0.005)
        watch, stop = Watch({}), asyncio.Event()
        watch.start()
        asking = asyncio.create_task(_command(made, stop))
        while not end.exists():  # noqa: ASYNC110 - another process makes it
            await asyncio.sleep(0.01)
        stop.set()
        accepted, due = await asking
    return watch.stop(accepted, due=due)


def _flags(plan: Plan) -> tuple[Path, Path]:
    return Path(plan["flags"] + ".begin"), Path(plan["flags"] + ".end")


def _opened(plan: Plan) -> contextlib.AbstractAsyncContextManager[Follower]:
    return stores.opened(plan, follower.service(plan["service"]))


async def _command(made: Follower, stop: asyncio.Event) -> tuple[int, int]:
    """Ask at a fixed rate, whether or not the one before was answered; gives how many were accepted, how many due."""
    asked: list[asyncio.Task[bool]] = []
    began = time.monotonic()
    while not stop.is_set():
        command = follower.Note(case=feed.case(0), number=len(asked))
        asked.append(asyncio.create_task(_accepted(made, command)))
        wait = began + len(asked) / A_SECOND - time.monotonic()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, wait)):
                await stop.wait()
    return sum(await asyncio.gather(*asked)), len(asked)


async def _accepted(made: Follower, command: follower.Note) -> bool:
    try:
        await made.engine.commands.carry_out(command)
    except Unavailable:
        return False
    return True


async def _read(plan: Plan, made: Follower, *, begin: Path | None = None) -> Measured:
    consumer = follower.Timed(made.service, made.engine, KeySet, bus=plan["bus"], name="bench", plan=plan)
    consumer.begin = begin
    await consumer.start()
    measured = await consumer.read()
    measured.more |= consumer.costs(made.engine)
    await consumer.stop()
    kept = stores.database(plan)
    held, measured.digest = stores.digest(kept, states=False)
    if held != plan["count"]:
        raise AssertionError(f"{plan['count']} were counted and {held} are in the store.")
    kept.client.close()
    return measured


def _loaded(measured: Measured, accepted: int, due: int) -> Measured:
    if accepted < KEPT_UP * due:
        raise AssertionError(f"Of {due} commands {accepted} were accepted: this is not the load that was asked for.")
    measured.more |= {"commands": accepted, "due": due}
    return measured
