"""The runtime as real processes on real engines: crashes, poison, replicas, refolding."""

from __future__ import annotations

import asyncio
import random

import httpx
import pytest

from deploy.embedded.supervisor import Platform
from shared import ids
from tests.shared.runtime.processes import Toy, database, toys, until
from tests.shared.runtime.toy import POISON

pytestmark = pytest.mark.platform


@pytest.fixture
async def pair(platform):
    intake, notify = Toy(platform, "intake"), Toy(platform, "notify")
    async with toys(platform, intake, notify):
        yield intake, notify


async def opened(intake: Toy, updates: int = 0) -> str:
    case = ids.new()
    assert (await intake.act(case, "open")).status_code == 200
    for number in range(updates):
        assert (await intake.act(case, "update", number)).status_code == 200
    return case


def settled(notify: Toy, case: str, facts: int):
    async def look():
        state = await notify.look(case)
        return len(state["heard"]) == facts and len(state["told"]) == facts and state["reminded"]

    return look


def effects(platform: Platform, case: str) -> list[tuple[str, int]]:
    """The stored events of both services about a case: aggregate and sequence."""
    return [
        (one["aggregate"], one["sequence"])
        for service in ("intake", "notify")
        for one in database(platform, service)["events"].find({"key": case.encode()})
    ]


def gap_free(found: list[tuple[str, int]]) -> bool:
    by_aggregate: dict[str, list[int]] = {}
    for aggregate, sequence in found:
        by_aggregate.setdefault(aggregate, []).append(sequence)
    return all(sorted(one) == list(range(1, len(one) + 1)) for one in by_aggregate.values())


async def test_i1_i2_every_accepted_event_has_one_effect_at_its_follower(platform, pair):
    intake, notify = pair
    cases = [await opened(intake, 4) for _ in range(10)]
    for case in cases:
        await until(settled(notify, case, 5))
        found = effects(platform, case)
        assert len(found) == 5 + 5 + 1
        assert gap_free(found)


async def test_i8_kill_9_of_the_follower_under_load_loses_and_doubles_nothing(platform, pair):
    intake, notify = pair
    cases: list[str] = []

    async def load():
        for _ in range(25):
            cases.append(await opened(intake, 3))

    loading = asyncio.create_task(load())
    for _ in range(3):
        await asyncio.sleep(random.uniform(0.2, 1.0))  # a moment drawn at random, not a wait for something
        await notify.restart()
    await loading
    for case in cases:
        # The store keeps what a killed client had locked for a minute.
        await until(settled(notify, case, 4), within=150)
        found = effects(platform, case)
        assert len(found) == 4 + 4 + 1
        assert gap_free(found)


async def test_i8_kill_9_of_the_publisher_keeps_every_answered_command(platform, pair):
    intake, notify = pair
    answered: dict[str, int] = {}

    async def load():
        for _ in range(20):
            case = ids.new()
            for what in ("open", "update", "update"):
                try:
                    response = await intake.act(case, what)
                except httpx.TransportError:
                    break
                if response.status_code == 200:
                    answered[case] = answered.get(case, 0) + 1

    for _ in range(3):
        loading, before = asyncio.create_task(load()), sum(answered.values())

        async def some_were_answered(before=before, loading=loading):
            return sum(answered.values()) > before or loading.done()

        await until(some_were_answered)
        await asyncio.sleep(random.uniform(0.05, 0.6))  # a moment drawn at random
        await intake.kill()
        await loading
        await intake.start()

    async def all_heard():
        return all([len((await notify.look(case))["heard"]) >= count for case, count in answered.items()])

    assert answered
    await until(all_heard, within=90)
    assert all(gap_free(effects(platform, case)) for case in answered)


@pytest.mark.parametrize("engine", ["bus", "store", "objects"])
async def test_i8_kill_9_of_an_engine_is_recovered_from(platform, pair, engine):
    intake, notify = pair
    before = await opened(intake, 2)
    platform.kill(engine)
    during = ids.new()

    async def accepted():
        return (await intake.act(during, "open")).status_code == 200

    await platform.wait_restarted(engine)
    await until(accepted)
    after = await opened(intake, 1)
    for case, facts in ((before, 3), (during, 1), (after, 2)):
        await until(settled(notify, case, facts), within=90)
        assert gap_free(effects(platform, case))


async def test_a_poison_event_holds_its_aggregate_and_no_other(platform, pair):
    intake, notify = pair
    sick, healthy = await opened(intake), await opened(intake)
    await until(settled(notify, sick, 1))
    assert (await intake.act(sick, "update", POISON)).status_code == 200
    assert (await intake.act(healthy, "update", 1)).status_code == 200
    await until(settled(notify, healthy, 2))
    letters = database(platform, "notify")["dead_letters"]

    async def letter():
        return letters.find_one({"case": sick})

    found = await until(letter)
    assert (found["reason"], found["topic"]) == ("fold-failed", "case-updated")
    assert "ValueError" in found["detail"]
    assert "Camille" not in found["detail"]
    assert database(platform, "notify")["states"].find_one({"_id": f"notify/case/{sick}"})["held"] == 1
    assert (await intake.act(sick, "update", 5)).status_code == 200

    async def folded_meanwhile():
        return len((await notify.look(sick))["heard"]) == 2

    await until(folded_meanwhile)
    assert len((await notify.look(sick))["told"]) == 1
    log = (platform.data / "logs" / "toy-notify-1.log").read_text()
    assert "Camille" not in log


async def test_two_replicas_share_the_work_and_double_nothing(platform):
    intake = Toy(platform, "intake")
    first, second = Toy(platform, "notify", "1"), Toy(platform, "notify", "2")
    async with toys(platform, intake, first, second):
        cases = [await opened(intake, 3) for _ in range(12)]
        await second.kill()
        cases += [await opened(intake, 3) for _ in range(6)]
        await second.start()
        for case in cases:
            await until(settled(first, case, 4), within=90)
            found = effects(platform, case)
            assert len(found) == 4 + 4 + 1
            assert gap_free(found)
        # The embedded bus keeps a leader that leaves while its group forms (docs/adr/0004): two that leave at once do.
        await asyncio.gather(first.kill(), second.kill())


async def test_a_job_that_fails_for_ever_is_given_up_and_said(platform):
    intake, notify = Toy(platform, "intake"), Toy(platform, "notify", TOY_ECHO_FAILS="1")
    async with toys(platform, intake, notify):
        case = await opened(intake)

        async def given_up():
            return len((await notify.look(case))["failed"]) == 1

        await until(given_up)

        async def settled_job():
            return database(platform, "notify")["jobs"].find_one({"case": case}) is None

        await until(settled_job)


async def test_i6_a_raised_fold_version_refolds_each_state_from_inbox_and_events(platform, pair):
    intake, notify = pair
    case = await opened(intake, 3)
    await until(settled(notify, case, 4))
    before = await notify.look(case)
    states = database(platform, "notify")["states"]
    await notify.restart(TOY_FOLD="2")
    after = await notify.look(case)
    assert after["version"] == 2
    assert {**after, "version": 1, "told": sorted(after["told"])} == {**before, "told": sorted(before["told"])}
    assert (await intake.act(case, "update", 9)).status_code == 200

    async def stored_anew():
        return states.find_one({"_id": f"notify/case/{case}"})["fold"] == 2

    await until(stored_anew)
    await until(settled(notify, case, 5))
    await notify.restart(TOY_FOLD="1")


async def test_a_service_that_comes_late_says_each_thing_once_and_about_all_it_missed(platform):
    intake, notify = Toy(platform, "intake"), Toy(platform, "notify")
    async with toys(platform, intake):
        case = await opened(intake, 6)
        async with toys(platform, notify):
            await until(settled(notify, case, 7))
            assert len(effects(platform, case)) == 7 + 7 + 1


async def test_sigterm_drains_and_leaves_nothing_unpublished(platform, pair):
    intake, notify = pair
    case = await opened(intake, 5)
    assert await intake.stop() == 0
    assert database(platform, "intake")["outbox"].count_documents({}) == 0
    final = list(database(platform, "intake")["events"].find({"topic": "checkpoint"}).sort("time", -1).limit(1))
    assert b'"final":true' in bytes(final[0]["body"])
    await until(settled(notify, case, 6))
