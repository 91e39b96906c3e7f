"""A store that was restored from a backup, or lost, as real processes: the bus gives back what it knows."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from deploy.embedded.engines.keyring import root_token
from deploy.embedded.supervisor import Platform
from shared import clock, ids
from shared.trust.keyring import Keyring
from shared.trust.policies import public_path, signing_path
from shared.trust.provisioning import rotate_signing_key
from tests.shared.runtime.processes import Toy, database, until

pytestmark = [pytest.mark.platform, pytest.mark.timeout(240)]
SERVICES = ("intake", "notify")
Backup = dict[str, dict[str, list[dict[str, Any]]]]


@pytest.fixture
async def pair(platform):
    pair = Toy(platform, "intake"), Toy(platform, "notify")
    await asyncio.gather(*(one.start() for one in pair))
    yield pair
    await asyncio.gather(*(one.stop() for one in pair))
    await asyncio.gather(*(one.client.aclose() for one in pair))


def backup(platform: Platform) -> Backup:
    """Every document of both databases, as a dump."""
    found = {}
    for service in SERVICES:
        stored = database(platform, service)
        found[service] = {name: list(stored[name].find()) for name in stored.list_collection_names()}
    return found


def restore(platform: Platform, dump: Backup) -> None:
    """Both databases as the dump has them, whatever they hold."""
    for service in SERVICES:
        stored = database(platform, service)
        for name in stored.list_collection_names():
            stored[name].delete_many({})
            if dump.get(service, {}).get(name):
                stored[name].insert_many(dump[service][name])


def events(platform: Platform) -> dict[str, tuple[Any, ...]]:
    """The stored events of both services but checkpoints: what they say and where they stand."""
    return {
        one["_id"]: (one["aggregate"], one["sequence"], bytes(one["body"]), one["headers"])
        for service in SERVICES
        for one in database(platform, service)["events"].find({"topic": {"$ne": "checkpoint"}})
    }


async def updated(intake: Toy, case: str, count: int) -> None:
    for number in range(count):
        assert (await intake.act(case, "update", number)).status_code == 200


async def opened(intake: Toy) -> str:
    case = ids.new()
    assert (await intake.act(case, "open")).status_code == 200
    return case


def told(notify: Toy, case: str, facts: int):
    async def look():
        state = await notify.look(case)
        return len(state["heard"]) == facts == len(state["told"]) and state["reminded"]

    return look


async def looks(pair: tuple[Toy, Toy], cases: list[str]) -> list[dict[str, Any]]:
    return [{**await one.look(case), "told": None} for one in pair for case in cases]


@pytest.mark.parametrize("kept", ["an earlier backup", "nothing"])
async def test_a_store_of_an_earlier_time_ends_as_it_was(platform, pair, kept):
    intake, notify = pair
    before = await opened(intake)
    await updated(intake, before, 2)
    await until(told(notify, before, 3))
    dump = backup(platform) if kept == "an earlier backup" else {}
    after = await opened(intake)
    await updated(intake, before, 3)
    await until(told(notify, before, 6))
    await until(told(notify, after, 1))
    expected, stored = await looks(pair, [before, after]), events(platform)
    await asyncio.gather(intake.stop(), notify.stop())
    restore(platform, dump)
    await asyncio.gather(intake.start(), notify.start())
    await until(told(notify, before, 6))
    await until(told(notify, after, 1))
    assert await looks(pair, [before, after]) == expected
    assert events(platform) == stored
    await updated(intake, before, 1)
    await until(told(notify, before, 7))
    found = events(platform).values()
    own = sorted(sequence for aggregate, sequence, *_ in found if aggregate == f"intake/case/{before}")
    assert own == list(range(1, 8))


async def test_a_store_that_says_something_else_than_the_bus_is_not_served(platform, pair):
    intake, _ = pair
    case = await opened(intake)
    await intake.stop()
    stored = database(platform, "intake")
    kept = stored["events"].find_one({"key": case.encode()})
    stored["events"].update_one({"_id": kept["_id"]}, {"$set": {"body": b"{}"}})
    marks = list(stored["marks"].find())
    stored["marks"].delete_many({})
    with pytest.raises(AssertionError, match="ended"):
        await intake.start()
    assert '"forked"' in (platform.data / "logs" / "toy-intake-1.log").read_text()
    stored["events"].replace_one({"_id": kept["_id"]}, kept)
    stored["marks"].delete_many({})  # it may have read another topic to its end before
    stored["marks"].insert_many(marks)
    await intake.start()


async def test_an_event_whose_key_a_restored_keyring_lacks_is_not_served_over(platform, pair):
    """Store and keyring of before a rotation: its number would be used twice, until the public key is given back."""
    intake, _ = pair
    case = await opened(intake)
    dump = backup(platform)
    address, before = platform.site.url("keyring"), public_path("intake")
    async with Keyring(address, root_token(platform.site)) as admin:
        keys, signing = await admin.vault.read(before), await admin.vault.read(signing_path("intake"))
        await intake.stop()
        await rotate_signing_key(admin, "intake", clock.now())
        await intake.start()
        await updated(intake, case, 2)
        known = await admin.public_keys()
        await intake.stop()
        restore(platform, dump)
        await admin.vault.write(before, keys[0])
        await admin.vault.write(signing_path("intake"), signing[0])
        with pytest.raises(AssertionError, match="ended"):
            await intake.start()
        assert '"unknown-signing-key"' in (platform.data / "logs" / "toy-intake-1.log").read_text()
        await admin.publish_public_keys(known)
        await intake.start()
    await updated(intake, case, 1)
    sequences = database(platform, "intake")["events"].distinct("sequence", {"aggregate": f"intake/case/{case}"})
    assert sorted(sequences) == [1, 2, 3, 4]


async def test_an_event_that_is_nowhere_is_not_served_over(platform, pair):
    """A restored store and a bus that lacks an event too: a number would be used twice."""
    intake, _ = pair
    case = await opened(intake)
    await updated(intake, case, 1)
    await intake.stop()
    stored = database(platform, "intake")
    states = list(stored["states"].find({"case": case}))
    kept = list(stored["events"].find({"key": case.encode()}).sort("sequence", 1))
    stored["events"].delete_one({"_id": kept[0]["_id"]})
    stored["states"].update_one({"case": case}, {"$set": {"fold": 0}})
    with pytest.raises(AssertionError, match="ended"):
        await intake.start()
    assert '"gap"' in (platform.data / "logs" / "toy-intake-1.log").read_text()
    stored["events"].insert_one(kept[0])
    stored["states"].delete_many({"case": case})
    stored["states"].insert_many(states)
    await intake.start()
