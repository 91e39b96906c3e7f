"""``recours up``, Ctrl-C, ``recours up`` on the same directory: whatever was there is there again, and goes on."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

import httpx
import pytest

from deploy.cli.demo import DAYS_AGO
from deploy.demo.exhibits import sample_exhibits
from deploy.demo.story import FEE, PASSPHRASE, Story
from deploy.embedded import lock
from deploy.embedded.site import SERVICES
from deploy.embedded.supervisor import Platform
from shared import clock
from tests.deploy.processes import until
from tests.deploy.toy_platform import recours
from tests.flows.everything import Everything
from tests.flows.test_kills import at_rest
from tests.flows.up import Up

pytestmark = [pytest.mark.platform, pytest.mark.timeout(300)]
LATE = b"Deposited while the bus was silent."


@dataclass
class Ended:
    """A platform that was ended by Ctrl-C after half a story. ``seen``: what the guardian was shown before, by path."""

    up: Up
    story: Story
    seen: dict[str, Any]
    code: int
    late: str
    unpublished: int
    children: dict[str, tuple[int, int]]


@pytest.fixture(scope="module")
async def ended(tmp_path_factory, engines):
    async with (
        Up(tmp_path_factory.mktemp("restart") / "up", engines) as up,
        httpx.AsyncClient(base_url=up.origin, timeout=60, trust_env=False) as http,
    ):
        story = Story(cast("Platform", up), http, lambda _line: None)
        await until_paid(story)
        await until(lambda: at_rest(cast("Platform", up)), 60)
        seen = await shown(story)
        up.pause("bus")
        children = up.children()
        late = await late_exhibit(story)
        with Everything(cast("Platform", up)) as everything:
            unpublished = everything.collection("evidence", "outbox").count_documents({})
        yield Ended(up, story, seen, await up.stop(), late, unpublished, children)


@pytest.fixture(scope="module")
async def again(ended):
    """The same platform, started again; nobody has a session any more."""
    await ended.up.start()
    ended.story.http.cookies.clear()
    for person in (ended.story.guardian, *ended.story.staff.values()):
        person.leave()
    return ended


def test_ctrl_c_ends_every_process_with_exit_code_0(ended):
    assert ended.code == 0
    assert all(birth for _, birth in ended.children.values())
    assert [name for name, (pid, birth) in ended.children.items() if lock.born(pid) == birth] == []


async def test_cases_exhibits_ledger_and_invoice_are_there_again_to_the_byte(again):
    assert again.seen[f"/billing/api/cases/{again.story.case}"]["invoices"]
    assert len(again.seen) > 6 + 6
    after = await shown(again.story)
    for path, before in again.seen.items():
        if path.endswith("/exhibits"):
            after[path]["exhibits"] = [one for one in after[path]["exhibits"] if one["exhibit"] != again.late]
        assert after[path] == before, path


async def test_the_code_of_the_first_day_still_opens_the_case(again):
    told = await again.story.guardian.sign_in("/api/sessions", {"code": again.story.code, "passphrase": PASSPHRASE})
    assert told["case"] == again.story.case
    assert again.story.guardian.session == told["session"]


async def test_what_the_bus_had_not_taken_arrives_after_the_start(again):
    assert again.unpublished > 0
    path = f"/evidence/api/cases/{again.story.case}/exhibits"
    assert (await again.story.guardian.call("GET", f"{path}/{again.late}/original")).content == LATE

    async def arrived() -> bool:
        with Everything(cast("Platform", again.up)) as everything:
            left = [everything.collection(name, "outbox").count_documents({}) for name in SERVICES]
            said = [one.body for one in await everything.records() if one.topic == "evidence-uploaded"]
            facts = everything.collection("legal", "inbox").find({"topic": "evidence-uploaded"})
            heard = [bytes(one["body"]) for one in facts]
        return not any(left) and all(any(again.late.encode() in body for body in one) for one in (said, heard))

    await until(arrived, 60)


async def test_the_case_goes_on_after_the_restart(again):
    await again.story.file()
    ledger = await again.story.guardian.get(f"/billing/api/cases/{again.story.case}/ledger")
    assert ledger == again.seen[f"/billing/api/cases/{again.story.case}/ledger"]


async def test_a_confirmation_whose_answer_was_lost_may_be_said_again(again):
    with Everything(cast("Platform", again.up)) as everything:
        said = everything.collection("billing", "outside").find_one({"status": "accepted"})["_id"]
        before = everything.collection("billing", "events").count_documents({"topic": "cover-decided"})
        await again.story.staff["accountant"].post(f"/billing/api/cases/{again.story.case}/answers", {"message": said})
        assert everything.collection("billing", "events").count_documents({"topic": "cover-decided"}) == before == 1


async def test_a_second_platform_on_the_same_directory_is_refused_in_one_sentence(again):
    before = again.up.children()
    second = await again.up.run()
    async with asyncio.timeout(60):
        said, _ = await second.communicate()
    assert second.returncode == 1
    assert b"already runs on" in said
    assert b"stop it, or give another --data" in b" ".join(said.split())
    assert b"Traceback" not in said
    assert again.up.children() == before


async def test_the_audit_finds_no_difference_after_the_restart(again):
    result = await recours("audit", "--data", str(again.up.data), "--exhibits")
    assert result.exit_code == 0, result.output


async def until_paid(story: Story) -> None:
    """The first half of the story: what it leaves is of every kind."""
    first_day = clock.paris_day(clock.now()) - timedelta(days=DAYS_AGO)
    exhibits = await asyncio.to_thread(sample_exhibits, first_day)
    await story.staff_the_house()
    await story.open(first_day)
    await story.deposit(exhibits)
    await story.timestamped()
    await story.fund()
    await story.diagnose()
    await story.complain()
    await story.pay()


async def shown(story: Story) -> dict[str, Any]:
    """What the guardian sees of the case, by path: facts as JSON, files as bytes."""
    case, guardian = story.case, story.guardian
    evidence, billing = f"/evidence/api/cases/{case}/exhibits", f"/billing/api/cases/{case}"
    facts = [f"/api/cases/{case}", evidence, billing, f"{billing}/ledger", f"/legal/api/cases/{case}"]
    seen = {path: await guardian.get(path) for path in facts}
    balances = seen[f"{billing}/ledger"]["balances"]
    assert sum(balances.values()) == 0
    assert FEE in {abs(cents) for cents in balances.values()}
    exhibits = [one["exhibit"] for one in seen[evidence]["exhibits"]]
    files = [f"{evidence}/{exhibit}/{part}" for exhibit in exhibits for part in ("original", "token")]
    files += [seen[billing]["invoices"][0]["document"], f"/legal/cases/{case}/complaints/{story.played.complaint}.pdf"]
    return seen | {path: (await guardian.call("GET", path)).content for path in files}


async def late_exhibit(story: Story) -> str:
    declaration = {"may_show_minor_sexually": False, "kind": "message", "shows": ["content"], "name": "late.txt"}
    deposited = await story.guardian.upload(f"/evidence/api/cases/{story.case}/exhibits", LATE, declaration)
    return str(deposited["exhibit"])
