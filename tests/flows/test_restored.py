"""A backup put back under a bus that is ahead: what was done since stays done, erasures first of all."""

from __future__ import annotations

import re
import sys
import time
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from deploy.audit.sites import declaration
from deploy.demo.client import Failed, Person, persistently
from deploy.embedded.engine_set import EngineSet
from deploy.embedded.engines.keyring import root_token
from deploy.embedded.site import SERVICES
from deploy.embedded.supervisor import Platform
from shared import clock
from shared.errors import Unavailable
from shared.trust.keyring import Keyring, KeyringDenied, KeysDestroyed
from shared.trust.sealing import Purpose
from tests.deploy.processes import until
from tests.deploy.toy_platform import recours
from tests.flows.everything import Everything
from tests.flows.test_kills import at_rest

pytestmark = [pytest.mark.platform, pytest.mark.timeout(240)]
PASSPHRASE = "quatre mots pour revenir"
WORDS = "Ce qui a ete raconte."


@dataclass
class House:
    """A platform that is stopped and started on one directory, and the people of its cases."""

    stack: AsyncExitStack
    data: Any
    engines: EngineSet
    platform: Platform = field(init=False)
    http: httpx.AsyncClient = field(init=False)
    backup: str = ""
    exhibits: dict[str, str] = field(default_factory=dict)
    people: dict[str, Person] = field(default_factory=dict)

    @property
    def processes(self) -> list[str]:
        return [process for service in SERVICES for process in self.engines.replicas_of(service)]

    async def start(self) -> float:
        """Gives the seconds until everything answers."""
        began = time.monotonic()
        self.platform = Platform(self.data, engines=self.engines)
        await self.platform.start()
        took = time.monotonic() - began
        self.http = httpx.AsyncClient(base_url=self.platform.origin, timeout=60, trust_env=False)
        for one in self.people.values():
            one.http = self.http
            one.leave()
        return took

    async def stop(self) -> None:
        await self.http.aclose()
        await self.platform.stop()

    async def opens(self, name: str) -> None:
        """A case with something told, and an exhibit of the same name."""
        person = self.people[name] = Person(self.http)
        told = {"persona": "victim", "anonymous": True, "facts": {"account": WORDS}, "passphrase": PASSPHRASE}
        person.case = (await person.sign_in("/api/cases", told))["case"]
        await self.deposits(name, name)

    async def deposits(self, name: str, exhibit: str) -> None:
        declared = {"may_show_minor_sexually": False, "kind": "message", "shows": ["content"], "name": "note.txt"}
        path = f"/evidence/api/cases/{self.people[name].case}/exhibits"
        answer = await self.people[name].upload(path, f"exhibit {exhibit}\n".encode(), declared)
        self.exhibits[exhibit] = answer["exhibit"]

    async def erases(self, name: str) -> None:
        planned = await self.people[name].post(f"/api/cases/{self.people[name].case}/erasure")

        async def certified() -> bool:
            return (await persistently(self.http, "GET", planned["certificate"])).status_code == 200

        await until(certified, 60)

    async def rests(self) -> None:
        await until(lambda: at_rest(self.platform), 90)

    def case(self, name: str) -> str:
        return str(self.people[name].case)

    async def keys(self, name: str) -> list[Purpose]:
        async with Keyring(self.platform.site.url("keyring"), root_token(self.platform.site)) as keyring:
            return await keyring.purposes_kept(self.case(name))

    async def undone(self) -> Counter[str]:
        """What the services, each replica of them, say that they found undone since their start."""
        found: Counter[str] = Counter()
        for process in self.processes:
            told = (await self.http.get(f"{self.platform.addresses[process]}/metrics")).text
            for name, count in re.findall(
                r'^recours_found_undone_total\{found="([a-z-]+)"\} ([\d.]+)$', told, re.MULTILINE
            ):
                found[name] += int(float(count))
        return found


def kept(house: House) -> tuple[dict[str, Any], dict[str, Any]]:
    """Stored events but checkpoints, and states, of all services: what they say and where they stand."""
    events, states = {}, {}
    with Everything(house.platform) as everything:
        for service in SERVICES:
            for one in everything.collection(service, "events").find({"topic": {"$ne": "checkpoint"}}):
                events[one["_id"]] = (one["aggregate"], one["sequence"], bytes(one["body"]), one["headers"])
            for one in everything.collection(service, "states").find():
                # As the service reads it: a set has no order in JSON.
                state = declaration(service).aggregate_of(one["_id"]).state.model_validate_json(one["state"])
                states[one["_id"]] = (state, one["sequence"], one["held"])
    return events, states


def objects(house: House) -> set[str]:
    """Names of objects and tokens of exhibits, without what each attempt numbers."""
    with Everything(house.platform) as everything:
        names = [one.split("/", 1) for one in everything.object_names()]
    return {name.split(".")[0] for bucket, name in names if bucket == "recours-evidence"}


@pytest.fixture(scope="module")
async def house(tmp_path_factory, engines):
    """Two cases and a backup; then one is erased, an exhibit of the other taken back, and a third case opened."""
    directory = tmp_path_factory.mktemp("restored")
    async with AsyncExitStack() as stack:
        house = House(stack, directory / "up", engines)
        await house.start()
        stack.push_async_callback(house.stop)
        await house.opens("erased")
        await house.opens("staying")
        await house.deposits("staying", "taken back")
        await house.rests()
        await house.stop()
        house.backup = str(directory / "backup")
        made = await recours("backup", house.backup, "--data", str(house.data))
        assert made.exit_code == 0, made.output
        await house.start()
        staying = house.people["staying"]
        await house.erases("erased")
        path = f"/evidence/api/cases/{house.case('staying')}/exhibits/{house.exhibits['taken back']}"
        await staying.call("POST", f"{path}/withdrawal")
        await house.opens("later")
        await house.rests()
        yield house


@pytest.mark.parametrize("parts", ["store", "keyring,objects", "keyring,store,objects"])
async def test_what_was_done_since_the_backup_stays_done(house, parts, capsys):
    await house.rests()
    events, states = kept(house)
    present = objects(house)
    await house.stop()
    began = time.monotonic()
    restored = await recours("restore", house.backup, "--data", str(house.data), "--only", parts, "--yes")
    assert restored.exit_code == 0, restored.output
    put_back = time.monotonic() - began
    log = house.data / "logs" / "intake.log"
    written = log.stat().st_size
    ready = await house.start()

    # Asked at once: what may not be served must be gone before anybody is served.
    assert await house.keys("erased") == []
    for service in ("intake", "evidence", "legal", "billing", "notify"):
        settings = house.platform.settings_for(service)
        async with Keyring(settings["RECOURS_KEYRING"], settings["RECOURS_KEYRING_TOKEN"]) as keyring:
            with pytest.raises(KeysDestroyed):
                await keyring.case_identity(
                    house.case("erased"), Purpose.CONTACT if service != "evidence" else Purpose.EVIDENCE
                )
    said = log.read_bytes()[written:].partition(b'"event":"started"')[0]
    assert (b'"keys-of-erased-case"' in said) == ("keyring" in parts)
    await house.rests()
    caught_up = time.monotonic() - began
    with capsys.disabled():
        sys.stdout.write(f"\n{parts}: copied {put_back:.1f} s, start {ready:.1f} s, at rest after {caught_up:.1f} s\n")

    after = kept(house)
    assert after[0] == events
    assert {name: one for name, one in after[1].items() if one != states.get(name)} == {}
    assert after[1].keys() == states.keys()
    gone = {house.exhibits["erased"], house.exhibits["taken back"]}

    async def deleted() -> bool:
        return not gone & objects(house)

    await until(deleted, 60)
    if "objects" not in parts:
        assert objects(house) >= {one for one in present if not one.startswith(("checkpoint", "marks"))}
    found = await house.undone()
    assert found["keys-of-erased-case"] == ("keyring" in parts)
    # Each of the two by whichever replica looked first, or by two that looked at once.
    assert (found["bytes-of-withdrawn-exhibit"] >= 2) == ("objects" in parts)

    staying = house.people["staying"]
    before = len(await owns(house, "staying"))
    await staying.call("PATCH", f"/api/cases/{staying.case}", json={"facts": {"account": f"{WORDS} {parts}"}})
    assert await owns(house, "staying") == list(range(1, before + 2))
    shown = await staying.call(
        "GET", f"/evidence/api/cases/{staying.case}/exhibits/{house.exhibits['staying']}/original"
    )
    assert shown.content == b"exhibit staying\n"
    with pytest.raises(Failed):
        await house.people["erased"].again()


async def owns(house: House, name: str) -> list[int]:
    """Sequences of intake's own events of the case."""
    with Everything(house.platform) as everything:
        found = everything.collection("intake", "events").find({"aggregate": f"intake/case/{house.case(name)}"})
        return sorted(one["sequence"] for one in found)


async def test_a_case_whose_keys_are_lost_holds_nobody_and_is_said(house):
    """The keyring was restored to before it was opened: nothing of it can be read, and all else goes on."""

    async def said() -> bool:
        return (await house.undone())["keys-lost"] == 1

    await until(said, 30)
    assert await house.keys("later") == []
    with pytest.raises(Failed, match="40"):
        await house.people["later"].again()
    with Everything(house.platform) as everything:
        for service in SERVICES:
            assert everything.collection(service, "dead_letters").count_documents({}) == 0
            assert everything.collection(service, "states").count_documents({"held": {"$ne": 0}}) == 0
            due = {"not_before": {"$lte": clock.now()}}
            assert everything.collection(service, "jobs").count_documents(due) == 0
        assert [house.platform.restarts(process) for process in house.processes] == [0] * len(house.processes)
    await house.opens("afterwards")


async def test_a_keyring_restored_while_all_run_loses_again_what_was_erased(house):
    """A snapshot put back by OpenBao's own interface, as in production: nobody restarts a service."""
    await house.opens("forgotten")
    snapshot = await keyring_call(house, "GET", "sys/storage/raft/snapshot")
    await house.erases("forgotten")
    await house.rests()
    assert await house.keys("forgotten") == []
    await keyring_call(house, "POST", "sys/storage/raft/snapshot-force", snapshot)
    began = time.monotonic()
    await until(lambda: holds(house, "forgotten", there=True), 30)
    await until(lambda: holds(house, "forgotten", there=False), 100)
    sys.stdout.write(f"destroyed again {time.monotonic() - began:.1f} s after the snapshot was put back\n")
    await house.opens("as usual")


async def holds(house: House, name: str, *, there: bool) -> bool:
    try:
        return bool(await house.keys(name)) == there
    except (Unavailable, KeyringDenied):
        return False


async def keyring_call(house: House, method: str, path: str, content: bytes = b"") -> bytes:
    headers = {"X-Vault-Token": root_token(house.platform.site)}
    async with httpx.AsyncClient(base_url=f"{house.platform.site.url('keyring')}/v1/", trust_env=False) as http:
        answer = await http.request(method, path, headers=headers, content=content, timeout=30)
    assert answer.status_code in {200, 204}, answer.text
    return answer.content


async def test_the_audit_finds_no_difference_after_the_restores(house):
    await house.rests()
    result = await recours("audit", "--data", str(house.data))
    assert result.exit_code == 0, result.output
