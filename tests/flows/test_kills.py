"""Kill -9 of anything at any moment of the story: it goes on, nothing is lost, no stored effect is there twice (I1-I8).

``RECOURS_KILL_SEED`` draws the same kills and pauses again; the seed stands in what the test prints.
"""

from __future__ import annotations

import asyncio
import email
import json
import os
import random
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from email.policy import default
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from deploy.cli.demo import play
from deploy.demo.people import GUARDIAN
from deploy.demo.rest import unread
from deploy.demo.story import Story
from deploy.embedded.site import SERVICES
from deploy.embedded.supervisor import Platform
from services.notify.workers import NO_LONGER_DUE
from shared import clock
from tests.deploy.processes import until
from tests.deploy.toy_platform import recours
from tests.flows.everything import Everything
from tests.flows.up import Up

pytestmark = [pytest.mark.platform, pytest.mark.timeout(600)]
KILLED = (*SERVICES, "store", "bus", "objects")
ROUNDS, STRIKES = 2, 8
STEPS = 13
"""Of the story; the last begins when twelve are done."""
LAPSING = {"payment-requested": "Une étape à valider", "hearing-moved": "Rendez-vous déplacé"}
"""Mails whose reason may be gone before they leave, template and subject: asked for and paid, moved and held."""
SEED = int(os.environ.get("RECOURS_KILL_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)


@pytest.fixture(scope="module")
def undisturbed(platform, story):
    """What the story comes to where nothing is killed: effects by type, mails by subject, balances."""

    async def found():
        await until(lambda: at_rest(platform), 60)
        return await effects(platform, story)

    return found


async def test_the_story_survives_kill_9_of_every_service_and_engine(undisturbed, engines, tmp_path):
    expected = await undisturbed()
    chance = random.Random(SEED)
    say(f"RECOURS_KILL_SEED={SEED}")
    async with Platform(tmp_path / "platform", engines=engines) as platform, client(platform.origin) as http:
        story = Story(platform, http, say)
        killer = Killer(platform, story, chance)
        before = restarts(platform)
        await killer.during(asyncio.create_task(play(story)))
        assert killer.killed == Counter(KILLED * ROUNDS)
        await same(platform, story, expected, tmp_path)
        found = restarts(platform) - before
        assert {name: found[name] for name in SERVICES} == {name: killer.killed[name] for name in SERVICES}
        assert found >= killer.killed  # an engine that is silent for a minute after its kill is started once more


async def test_the_story_goes_on_after_kill_9_of_the_whole_platform(undisturbed, engines, tmp_path):
    expected = await undisturbed()
    chance = random.Random(SEED)
    say(f"RECOURS_KILL_SEED={SEED}")
    async with Up(tmp_path / "up", engines) as up, client(up.origin) as http:
        story = Story(cast("Platform", up), http, say)
        playing = asyncio.create_task(play(story))
        try:
            for steps in sorted(chance.sample(range(1, STEPS), 2)):  # before the first, only the keyring is spoken to
                await reached(story, steps, playing)
                await asyncio.sleep(chance.uniform(0, 0.5))  # a moment drawn at random
                say("kill -9 of the whole platform")
                await up.kill()
                await up.start()
                for person in (story.guardian, *story.staff.values()):
                    person.leave()
            await playing
        finally:
            playing.cancel()
            await asyncio.gather(playing, return_exceptions=True)
        await same(cast("Platform", up), story, expected, tmp_path)


class Killer:
    """Kills each child twice, at moments drawn at random: steps of the story, then fractions of a second."""

    def __init__(self, platform: Platform, story: Story, chance: random.Random) -> None:
        self.killed: Counter[str] = Counter()
        self._pids: dict[str, int] = {}
        self._platform = platform
        self._story = story
        self._chance = chance

    async def during(self, playing: asyncio.Task[None]) -> None:
        """Kill while the story goes on, to its end; raises what it raises."""
        killing = asyncio.create_task(self._kill(playing))
        try:
            await asyncio.gather(killing, playing)
        finally:
            for task in (playing, killing):
                task.cancel()
            await asyncio.gather(playing, killing, return_exceptions=True)

    async def _kill(self, playing: asyncio.Task[None]) -> None:
        names = [name for _ in range(ROUNDS) for name in self._chance.sample(KILLED, len(KILLED))]
        for steps in sorted(self._chance.choices(range(STEPS), k=STRIKES)):
            await reached(self._story, steps, playing)
            for _ in range(len(KILLED) * ROUNDS // STRIKES):
                await asyncio.sleep(self._chance.uniform(0, 0.8))  # a moment drawn at random
                name = names.pop()
                # The supervisor may not have seen yet that the one before is dead.
                while self._platform.pid(name) in {0, self._pids.get(name)}:  # noqa: ASYNC110 - in another process
                    await asyncio.sleep(0.02)
                self._pids[name] = self._platform.pid(name)
                say(f"kill -9 {name}")
                self._platform.kill(name)
                self.killed[name] += 1


def restarts(platform: Platform) -> Counter[str]:
    return Counter({name: platform.restarts(name) for name in KILLED})


def say(line: str) -> None:
    """What a failed test shows: the seed, the kills, the steps, in the order in which they came."""
    print(f"{clock.now():%H:%M:%S.%f} {line}")  # noqa: T201 - pytest captures it


def client(origin: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=origin, timeout=60, trust_env=False)


async def reached(story: Story, steps: int, playing: asyncio.Task[None]) -> None:
    """Wait until so many steps of the story are done; raises what the story raises."""
    while len(story.played.seconds) < steps:
        if playing.done():
            await playing
        await asyncio.sleep(0.02)


async def same(platform: Platform, story: Story, expected: Any, tmp_path: Path) -> None:
    """The same effects and mails as where nothing was killed; and nothing that the audit would say."""
    await until(lambda: at_rest(platform), 150)
    names = [one.name for one in story.played.exhibits.values()]
    assert len(names) == len(set(names)) == 6
    assert await effects(platform, story) == expected
    report = tmp_path / "audit.json"
    result = await recours("audit", "--data", str(platform.data), "--exhibits", "--json", str(report))
    assert result.exit_code == 0, result.output
    assert json.loads(report.read_text())["result"] == "ok"


async def at_rest(platform: Platform) -> bool:
    """Nothing is left to do, to publish or to read, and nobody waits for an operator."""
    # A job of later than an hour is a reminder; any other is to be done, or held by somebody who may be dead.
    soon = {"not_before": {"$lt": clock.now() + timedelta(hours=1)}}
    wanted = {"outbox": {}, "jobs": soon, "dead_letters": {}, "states": {"$or": [{"held": {"$ne": 0}}, _due()]}}
    with Everything(platform) as everything:
        for service in SERVICES:
            for name, which in wanted.items():
                left = everything.collection(service, name).count_documents(which)
                if left:
                    say(f"not at rest: {left} {name} of {service}")
                    await asyncio.sleep(0.5)  # asked without a pause, the store would have no time for the services
                    return False
    reading = await unread(platform)
    if reading:
        say(f"not at rest: {', '.join(reading)} still reading")
    return not reading


def _due() -> dict[str, Any]:
    return {"wake": {"$ne": None, "$lte": clock.now()}}


async def effects(platform: Platform, story: Story) -> tuple[Counter[str], dict[str, int]]:
    """Stored events of both cases by type and mails by subject, but for what lapses when it is late; the ledger.

    Each event is on the bus, whose repeats are of the same id; each mail that was sent is one that was recorded.
    """
    cases = (story.played.case, story.played.other_case)
    with Everything(platform) as everything:
        stored = await asyncio.to_thread(lambda: list(_stored(everything, cases)))
        said = {
            (one.topic, dict(one.headers)["ce_id"])
            for one in await everything.records()
            if one.key.decode() in cases and not one.topic.startswith("partner.")
        }
    assert said == {(topic, event) for topic, event, _ in stored}
    assert len(stored) == len(said)
    count = Counter(topic for topic, _, _ in stored)
    # A reading whose answer was lost is asked again, and is one more line of the person's ledger.
    assert count.pop("record-viewed") > 0
    sent = mails(platform.site.mails)
    assert count.pop("notification-sent") == sent.total()
    assert all(sent[subject] <= 1 for subject in LAPSING.values())
    lapsed = [body for topic, _, body in stored if topic == "notification-failed"]
    assert count.pop("notification-failed", 0) == len(lapsed)
    assert all(one["template"] in LAPSING and one["reason"] == NO_LONGER_DUE for one in lapsed), lapsed
    assert all(sent[LAPSING[one["template"]]] == 0 for one in lapsed)
    balances = (await story.guardian.get(f"/billing/api/cases/{story.case}/ledger"))["balances"]
    assert sum(balances.values()) == 0
    lasting = Counter({subject: times for subject, times in sent.items() if subject not in LAPSING.values()})
    return count + lasting, balances


def _stored(everything: Everything, cases: Iterable[str]) -> Iterable[tuple[str, bytes, dict[str, Any]]]:
    """Topic, id and body of each event of these cases."""
    keys = [case.encode() for case in cases]
    for service in SERVICES:
        for one in everything.collection(service, "events").find({"key": {"$in": keys}}):
            yield one["topic"], {name: bytes(value) for name, value in one["headers"]}["ce_id"], json.loads(one["body"])


def mails(directory: Path) -> Counter[str]:
    """Mails to the story's guardian by subject; those of one Message-ID are one."""
    read = [email.message_from_bytes(path.read_bytes(), policy=default) for path in directory.glob("*.eml")]
    own = {str(one["Message-ID"]): str(one["Subject"]) for one in read if str(one["To"]) == GUARDIAN.email}
    return Counter(own.values())
