"""The team's pages in a real browser."""

from __future__ import annotations

import re
from functools import partial

import pytest

from tests.browser.conftest import PASSPHRASE
from tests.browser.test_pages import PIXEL, opened
from tests.deploy.processes import until

pytestmark = pytest.mark.browser


async def enter(desk, name):
    await desk.open("/team/enter")
    await desk.page.fill("#name", name)
    await desk.page.fill("#passphrase", PASSPHRASE)
    await desk.page.click("form[action='/team/enter'] button")


async def shows(page):
    answer = await page.reload()
    return answer.status == 200


async def a_case(phone):
    await opened(phone)
    await phone.page.click("main .next a")
    return re.search(r"[0-9a-f-]{36}", phone.page.url)[0]


async def test_the_team_takes_a_case_reads_its_parts_and_gives_it_to_a_lawyer(phone, desk, team):
    case = await a_case(phone)
    page = desk.page
    await enter(desk, team["case-worker"])
    assert page.url.endswith("/team")
    await desk.is_accessible()
    await page.click(f"form[action='/team/cases/{case}/take'] button")
    await page.wait_for_selector("details[open] h2")
    await desk.is_accessible()

    for name, path in (("Preuves", "evidence"), ("Avis, plainte et audiences", "legal")):
        await desk.open(f"/cases/{case}")
        await page.get_by_role("navigation", name="Parties du dossier").get_by_role("link", name=name).click()
        await page.wait_for_url(f"**/{path}/cases/{case}")
        # Who was given the case a moment ago is unknown to the other services until they have heard of it.
        await until(partial(shows, page), 30)
        assert "Vos preuves" not in await page.inner_text("main")
        await desk.is_accessible()

    await desk.open(f"/cases/{case}")
    await page.get_by_role("link", name="Confier à quelqu’un").click()
    await desk.is_accessible()
    await page.select_option("#staff", team["lawyer"])
    await page.click("main form button")
    await page.wait_for_url(f"**/cases/{case}")
    await page.get_by_role("link", name="Confier à quelqu’un").click()
    assert team["lawyer"] in await page.inner_text("main ul")
    await desk.open("/team?lang=en")
    await desk.is_accessible()
    await desk.open(f"/team/cases/{case}/assign?lang=en")
    await desk.is_accessible()
    await desk.open(f"/cases/{case}?lang=en")
    await desk.is_accessible()


async def test_a_refused_assignment_is_said_accessibly(phone, desk, team):
    case = await a_case(phone)
    page = desk.page
    await enter(desk, team["case-worker"])
    await desk.open(f"/team/cases/{case}/assign")
    await page.evaluate("document.querySelector('#staff').required = false")
    await page.click("main form button")
    assert "Choisissez dans la liste" in await page.inner_text("[role=alert]")
    await desk.is_accessible()


async def test_the_team_sees_who_sent_what_in_words_for_the_team(phone, desk, team):
    case = await a_case(phone)
    await phone.open(f"/evidence/cases/{case}")
    await phone.page.check("input[name=may_show_minor_sexually][value=no]")
    await phone.page.set_input_files(
        "#evidence-file", {"name": "capture.png", "mimeType": "image/png", "buffer": PIXEL}
    )
    await phone.page.click("form[enctype] button")
    await enter(desk, team["case-worker"])
    await desk.page.click(f"form[action='/team/cases/{case}/take'] button")
    await desk.open(f"/evidence/cases/{case}")
    await until(partial(shows, desk.page), 30)
    text = await desk.page.inner_text("main")
    assert "Preuves du dossier" in text
    assert "par la personne concernée" in text
    await desk.is_accessible()
