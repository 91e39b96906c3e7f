"""The matrix can fail: each planted defect makes the named check report it, on the smallest harness that shows it."""

from __future__ import annotations

import asyncio
import signal

import pytest

from tests.faults.bed import bed as make_bed
from tests.faults.bed import by_service
from tests.faults.invariants import reminded_although_closed
from tests.faults.load import Load, Step
from tests.faults.replicas import running
from tests.faults.test_processes import taken_over

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]
SOON = 12.0
"""Seconds after which what a defect has lost stays lost: ten are a leftover's grace, a job's lease is four."""
CLOSINGS_LAST = {"FAULTS_LAST": "case-closed"}
"""Knobs of a replica that is given its topics in an order that shows what it says of what it has not read yet."""


@pytest.fixture(scope="module")
async def intake(bed):
    """A sound intake: most defects are the follower's."""
    one = bed.replica("intake")
    async with running(one):
        yield one


def notify(bed, mutation: str):
    return bed.replica("notify", FAULTS_MUTATION=mutation)


async def wrong(bed, load: Load, named: str, within: float = SOON) -> list[str]:
    """What is wrong with this load's cases; asserts that something is, by this name."""
    found: list[str]
    _, found = await bed.settled(load, alone=True, within=within)
    assert any(one.startswith(named) for one in found), f"not caught: {found[:10]}"
    return found


async def test_offsets_committed_before_the_transaction(bed, intake, seed):
    mutant = notify(bed, "offsets-first")
    load = Load(seed, by_service(intake, mutant))
    async with running(mutant):
        mutant.arm("before-transaction", 1)
        await load.life(load.case(), [Step("intake", "open", 0), Step("intake", "update", 1)])
        await mutant.died()
        found = await bed.committed_but_nowhere()
    assert any(one.startswith("I7 unaccounted: notify") for one in found)


async def test_an_inbox_write_dropped(bed, intake, seed):
    mutant = notify(bed, "inbox-dropped")
    load = Load(seed, by_service(intake, mutant))
    async with running(mutant):
        await load.life(load.case(), [Step("intake", "open", 0), Step("intake", "update", 1)])
        found = await wrong(bed, load, "I7 unaccounted: notify")
    assert any(one.startswith("I6 differs: notify/case/") for one in found)


async def test_leftovers_of_the_outbox_never_swept(bed, intake, seed):
    """On intake, killed between a command's transaction and its publication; no sound replica is there to sweep."""
    await intake.kill()
    mutant = bed.replica("intake", 3, FAULTS_MUTATION="never-swept")
    load = Load(seed, by_service(mutant))
    async with running(mutant):
        case = load.case()
        await load.send(case, Step("intake", "open", 0))
        mutant.arm("before-publish", 1)
        sending = asyncio.create_task(load.send(case, Step("intake", "update", 1)))
        await mutant.died()
        await mutant.start()
        await sending
        await wrong(bed, load, "I8 outbox: intake", within=SOON + 5)
    await intake.start()


async def test_claim_fencing_removed(bed, intake, seed):
    mutant, other = notify(bed, "unfenced"), bed.replica("notify", 2)
    load = Load(seed, by_service(intake, other))
    async with running(mutant, other):
        doubled = bed.recorder.doubled()
        mutant.arm("after-io", 1, "stop")
        async with load.meanwhile(at_once=1):
            await mutant.acted()
        await taken_over(bed, doubled)
        _, before = await bed.settled(within=0)
        mutant.signal(signal.SIGCONT)
        # The mutant may have frozen over a job that an earlier test left: every case is looked at.
        _, found = await bed.settled(within=SOON + 10)
    assert any(one.startswith("I2 doubled") for one in set(found) - set(before)), f"not caught: {found[:10]}"


async def test_react_allowed_while_catching_up(bed, intake, seed):
    """The closings are on the bus when the follower begins; each case's reminder is long due."""
    load = Load(seed, by_service(intake))
    cases = [load.case() for _ in range(8)]
    await asyncio.gather(*(load.life(one, [Step("intake", "open", 0), Step("intake", "close", -1)]) for one in cases))
    await asyncio.sleep(2)  # until every reminder is due
    async with running(bed.replica("notify", FAULTS_MUTATION="reacts-while-catching-up", **CLOSINGS_LAST)):
        await bed.settled(load, alone=True, within=SOON)
    assert list(reminded_although_closed((await bed.see()).narrowed(cases)))


async def test_react_not_allowed_while_catching_up_reminds_nobody_of_a_closed_case(bed, intake, seed):
    """The same without the defect, so that it is the defect that the test above shows."""
    load = Load(seed, by_service(intake))
    cases = [load.case() for _ in range(8)]
    await asyncio.gather(*(load.life(one, [Step("intake", "open", 0), Step("intake", "close", -1)]) for one in cases))
    await asyncio.sleep(2)
    async with running(bed.replica("notify", **CLOSINGS_LAST)):
        _, found = await bed.settled(load, alone=True)
    assert not found
    assert not list(reminded_although_closed((await bed.see()).narrowed(cases)))


async def test_ids_made_from_cause_and_type(bed, seed):
    """Two updates of one case have one cause, the name of their command: the second is never stored."""
    mutant = bed.replica("intake", 3, FAULTS_MUTATION="ids-of-cause")
    load = Load(seed, by_service(mutant))
    load.patience = 8
    async with running(mutant):
        steps = [Step("intake", "open", 0), Step("intake", "update", 1), Step("intake", "update", 2)]
        await load.life(load.case(), steps)
        found = await wrong(bed, load, "I2 identity: intake", within=1)
    assert any(one.startswith("I8 never accepted") for one in found)


async def test_a_consumers_handler_that_raises(bed, intake, seed):
    """The store is away for one batch: what was in it never comes again, what follows does."""
    mutant = notify(bed, "handler-raises")
    load = Load(seed, by_service(intake))
    async with running(mutant):
        case = load.case()
        await load.send(case, Step("intake", "open", 0))
        await bed.settled(load, alone=True)
        mutant.arm("before-transaction", 1, "down")
        await load.send(case, Step("intake", "update", 1))
        await mutant.acted()
        await load.send(case, Step("intake", "update", 2))
        await wrong(bed, load, "I7 unaccounted: notify")
        found = await bed.committed_but_nowhere()
    assert any(one.startswith("I7 unaccounted: notify has case-updated") for one in found)


async def test_events_published_with_no_key(bed, seed):
    mutant = bed.replica("intake", 3, FAULTS_MUTATION="no-key")
    load = Load(seed, by_service(mutant))
    async with running(mutant, bed.replica("notify")):
        await load.send(load.case(), Step("intake", "open", 0))
        found = await wrong(bed, load, "I7 keyless: case-opened")
    assert any(one.startswith("I1 differs: case-opened") for one in found)


async def test_a_store_that_does_not_sync_its_commits(tmp_path, engines, seed):
    """Kill -9 of the store takes commands with it that had been answered."""
    async with make_bed(tmp_path, engines, synced=False) as bed:
        intake = bed.replica("intake")
        load = Load(seed, by_service(intake))
        async with running(intake):
            await load.play(5)
            bed.platform.kill("store")
            await bed.platform.wait_restarted("store")
            await wrong(bed, load, "I1")
