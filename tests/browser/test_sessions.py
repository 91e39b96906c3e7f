"""Sessions that end, in a real browser: five minutes, half an hour, a service that stands still."""

from __future__ import annotations

import os
import re
import signal

import pytest

from services.intake.sessions import REFRESH_COOKIE, REFRESH_TYP
from shared import clock
from shared.trust.jws import read_unverified, sign_compact
from shared.trust.keyring import Keyring
from shared.web.access import COOKIE
from tests.browser.conftest import PASSPHRASE
from tests.browser.test_pages import PIXEL, opened

pytestmark = pytest.mark.browser

TEXT = "Ils recommencent chaque soir,\nmême après l’école."


async def dossier(phone):
    """A case with a passphrase, shown. Its id and its code."""
    page = phone.page
    code = await opened(phone)
    await page.click("main .next a")
    await page.fill("#passphrase", PASSPHRASE)
    await page.click("form[action$='/passphrase'] button")
    await page.wait_for_selector("#invite")
    return re.search(r"[0-9a-f-]{36}", page.url)[0], code


async def five_minutes_pass(phone):
    await phone.page.context.clear_cookies(name=COOKIE)


async def half_an_hour_passes(phone, platform):
    """The browser keeps a refresh token that intake signed half an hour ago."""
    await five_minutes_pass(phone)
    context = phone.page.context
    (kept,) = [one for one in await context.cookies(f"{phone.origin}/api/sessions") if one["name"] == REFRESH_COOKIE]
    _, claims = read_unverified(kept["value"], REFRESH_TYP)
    settings = platform.settings_for("intake")
    async with Keyring(settings["RECOURS_KEYRING"], settings["RECOURS_KEYRING_TOKEN"]) as keyring:
        key = await keyring.signing_key("intake")
    past = {**claims, "exp": int(clock.now().timestamp()) - 1}
    await context.add_cookies([{**kept, "value": sign_compact(key, REFRESH_TYP, past)}])


@pytest.fixture(params=["with scripts", "without scripts"])
def either(request):
    return request.getfixturevalue("phone" if request.param == "with scripts" else "phone_without_scripts")


async def test_a_form_sent_after_five_minutes_goes_through_without_a_word(either):
    page = either.page
    case, _ = await dossier(either)
    await page.fill("#account", TEXT)
    await five_minutes_pass(either)
    await page.click("form[action$='/facts'] button")
    await page.wait_for_url(f"**/cases/{case}")
    assert await page.input_value("#account") == TEXT


async def test_a_capture_sent_after_five_minutes_is_deposited_with_its_file(either):
    page = either.page
    case, _ = await dossier(either)
    await either.open(f"/evidence/cases/{case}")
    await page.check("input[name=may_show_minor_sexually][value=no]")
    await page.set_input_files(
        "#evidence-file", {"name": "longue.png", "mimeType": "image/png", "buffer": PIXEL + bytes(3_000_000)}
    )
    await five_minutes_pass(either)
    await page.click("form[enctype] button")
    assert "longue.png" in await page.inner_text("main")
    assert page.url.endswith(f"/evidence/cases/{case}")


async def test_what_was_typed_waits_for_who_signs_in_again(phone_without_scripts, phone, platform):
    nojs = phone_without_scripts
    page = nojs.page
    case, code = await dossier(nojs)
    await page.fill("#account", TEXT)
    await half_an_hour_passes(nojs, platform)
    await page.click("form[action$='/facts'] button")
    text = await page.inner_text("main")
    assert "n’est pas perdu" in text
    assert "recommencent" not in await page.content()
    await page.fill("#code", code)
    await page.fill("#passphrase", PASSPHRASE)
    await page.click("form[action='/enter'] button")
    assert await page.input_value("textarea[name=account]") == TEXT
    await page.click("main form button")
    await page.wait_for_url(f"**/cases/{case}")
    assert await page.input_value("#account") == TEXT


async def test_both_pages_of_coming_back_are_accessible(phone, platform):
    page = phone.page
    _, code = await dossier(phone)
    await page.fill("#account", TEXT)
    await half_an_hour_passes(phone, platform)
    await page.click("form[action$='/facts'] button")
    await page.wait_for_selector("#code")
    await phone.is_accessible()
    await page.fill("#code", code)
    await page.fill("#passphrase", PASSPHRASE)
    await page.click("form[action='/enter'] button")
    await page.wait_for_selector("textarea[name=account]")
    await phone.is_accessible()


async def test_a_page_asked_for_after_half_an_hour_leads_to_the_entrance_and_back(phone, platform):
    page = phone.page
    case, code = await dossier(phone)
    await half_an_hour_passes(phone, platform)
    await phone.open(f"/evidence/cases/{case}")
    assert page.url.endswith("/enter")
    await page.fill("#code", code)
    await page.fill("#passphrase", PASSPHRASE)
    await page.click("form[action='/enter'] button")
    assert page.url.endswith(f"/cases/{case}")


async def test_an_open_page_says_that_it_will_close_and_an_action_keeps_it(phone):
    page = phone.page
    told = {"closes_in": 90}
    asked = []

    async def renewed(route):
        asked.append(route.request.post_data_json["idle_seconds"])
        await route.fulfill(json=told)

    await page.clock.install()
    await dossier(phone)
    await page.route("**/api/sessions/renew", renewed)
    await page.clock.fast_forward("04:30")
    await page.wait_for_selector("#session button")
    assert asked[0] >= 240
    assert "se ferme dans 2 min" in await page.inner_text("#session")
    await phone.is_accessible()
    told["closes_in"] = 1800
    await page.click("#session button")
    await page.wait_for_selector("#session button", state="detached")
    assert asked[-1] < 10


async def test_a_page_that_closed_hides_what_was_typed_and_gives_it_back(phone, platform):
    page = phone.page
    await page.clock.install()
    _, code = await dossier(phone)
    await page.fill("#account", TEXT)
    await half_an_hour_passes(phone, platform)
    await page.clock.fast_forward("04:30")
    await page.wait_for_selector("#session button")
    assert not await page.is_visible("main")
    assert await page.is_visible("#quick-exit")
    await phone.is_accessible()
    await page.click("#session button")
    await page.fill("#code", code)
    await page.fill("#passphrase", PASSPHRASE)
    await page.click("form[action='/enter'] button")
    assert await page.input_value("textarea[name=account]") == TEXT


async def test_a_page_that_closed_with_nothing_typed_leaves_for_the_entrance(phone, platform):
    page = phone.page
    await page.clock.install()
    await dossier(phone)
    await half_an_hour_passes(phone, platform)
    await page.clock.fast_forward("04:30")
    await page.wait_for_url("**/enter")


async def test_the_section_and_the_page_of_a_service_that_stands_still_say_so(phone, platform):
    page = phone.page
    case, _ = await dossier(phone)
    pid = platform.pid("billing")
    os.kill(pid, signal.SIGSTOP)
    try:
        await phone.open(f"/cases/{case}")
        section = page.locator(f"details.section:has([hx-get='/billing/cases/{case}'])")
        await section.locator("summary").click()
        await section.get_by_text("momentanément indisponible").wait_for(timeout=30_000)
        await phone.is_accessible()
        await page.goto(f"{phone.origin}/billing/cases/{case}", timeout=30_000)
        assert "Momentanément indisponible" in await page.inner_text("h1")
        await phone.is_accessible()
    finally:
        os.kill(pid, signal.SIGCONT)
    await page.wait_for_selector("h1:has-text('Coût et paiement')", timeout=60_000)
