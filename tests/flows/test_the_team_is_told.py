"""A case that needs somebody: the team is paged by mail, and whoever opens the mail's link has taken it."""

from __future__ import annotations

import asyncio
import email
import json
from datetime import timedelta
from email.policy import default

import httpx
import pytest

from deploy.demo.client import Person, until
from deploy.demo.story import PASSPHRASE, STAFF
from shared import clock

pytestmark = pytest.mark.platform


@pytest.fixture(scope="module")
async def worker(platform, story):
    async with httpx.AsyncClient(base_url=platform.origin, timeout=60, trust_env=False) as http:
        person = Person(http)
        await person.sign_in("/api/sessions/staff", {"name": STAFF["case-worker"], "passphrase": PASSPHRASE})
        yield person


@pytest.fixture(scope="module")
async def case(platform, worker):
    """A case whose press limit is a month away. Nothing else of it is due within a day, so that others find rest."""
    async with httpx.AsyncClient(base_url=platform.origin, timeout=60, trust_env=False) as http:
        day = (clock.paris_day(clock.now()) - timedelta(days=60)).isoformat()
        opening = {"persona": "victim", "passphrase": PASSPHRASE, "acts": [{"kind": "insult", "day": day}]}
        yield (await Person(http).sign_in("/api/cases", opening))["case"]


@pytest.fixture(scope="module")
async def page(platform, case):
    """The page to the team about the case."""

    async def arrived():
        for path in await asyncio.to_thread(lambda: sorted(platform.site.mails.glob("*.eml"))):
            mail = email.message_from_bytes(path.read_bytes(), policy=default)
            if mail.get_content_type() == "text/plain" and case in mail.get_content():
                return mail
        return None

    return await until("the team is paged", arrived)


async def asked(worker, path):
    """What the case worker's browser is answered, wherever it would lead."""
    worker.http.cookies.clear()
    headers = {"Authorization": f"Bearer {worker.session}", "Accept": "text/html"}
    return await worker.http.get(path, headers=headers, follow_redirects=False)


async def test_a_deadline_that_is_near_is_paged_to_the_operators_of_the_settings(platform, page):
    assert page["To"] == platform.settings_for("notify")["RECOURS_OPERATORS"]
    assert page["Subject"] == "recours : un acte arrive à échéance"
    assert "Dernier jour, inclus" in page.get_content()


async def test_its_link_leads_who_has_no_part_to_the_list_and_whoever_has_to_the_dossier(
    platform, everything, worker, case, page
):
    await worker.again()
    link = next(line for line in page.get_content().splitlines() if "/pages/" in line)
    path, alarm = link.removeprefix(platform.origin), link.rpartition("/")[2]
    assert (await asked(worker, path)).headers["location"] == "/team"
    await worker.post(f"/api/team/cases/{case}/assign", {"role": "case-worker"})

    async def led():
        return (await asked(worker, path)).headers["location"] == f"/cases/{case}"

    await until("notify knows the case's worker", led)

    def state():
        return json.loads(everything.collection("notify", "states").find_one({"_id": f"notify/case/{case}"})["state"])

    # A deadline needs a lawyer: that a case worker has the case takes nothing, the link does.
    assert (await asyncio.to_thread(state))["taken"] == [alarm]
