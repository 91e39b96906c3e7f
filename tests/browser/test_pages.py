"""What a person meets on a phone, in a real browser."""

from __future__ import annotations

import re

import pytest

from tests.browser.conftest import PASSPHRASE
from tests.services.intake.entrances import ENTRANCES

pytestmark = pytest.mark.browser

CODE = re.compile(r"RECOURS(-[0-9A-Z]{4}){5}")
READING = (*ENTRANCES, "/team/enter", "/nowhere")
# The smallest PNG: one pixel.
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)


async def opened(phone):
    page = phone.page
    await phone.open("/")
    await page.click("main .next a")
    await page.check("input[name=persona][value=victim]")
    await page.check("input[name=danger][value=suicide]")
    await page.select_option("#kind", "threat")
    await page.fill("#day", "2026-11-01")
    await page.fill("#account", "On m’écrit chaque soir.")
    await page.click("form[action='/open'] button")
    text = await page.inner_text("main")
    assert text.index("3114") < text.index("RECOURS-")
    assert "personne n’est là en ce moment" in text
    return CODE.search(text)[0]


async def deposit(phone):
    page = phone.page
    await page.check("input[name=may_show_minor_sexually][value=no]")
    await page.check("input[name=shows][value=content]")
    shot = {"name": "capture.png", "mimeType": "image/png", "buffer": PIXEL}
    await page.set_input_files("#evidence-file", shot)
    await page.click("form[enctype] button")
    text = await page.inner_text("main")
    assert "capture.png" in text
    assert "Il manque" in text


@pytest.mark.parametrize("language", ["fr", "en"])
async def test_what_anybody_may_read_is_accessible_in_both_languages(phone, language):
    for path in READING:
        await phone.open(f"{path}?lang={language}")
        await phone.is_accessible()


async def test_a_victim_opens_a_case_adds_a_capture_invites_a_witness_and_leaves(phone):
    page = phone.page
    await opened(phone)
    await phone.is_accessible()
    await page.click("main .next a")
    case = re.search(r"[0-9a-f-]{36}", page.url)[0]
    await page.wait_for_selector("details[open] #evidence-file")
    assert await page.locator(".next").count() == 1
    await phone.is_accessible()

    await page.fill("#passphrase", PASSPHRASE)
    await page.click("form[action$='/passphrase'] button")
    await page.wait_for_selector("#invite")
    await page.wait_for_selector("details[open] #evidence-file")
    await phone.is_accessible()

    await page.click("main .next a")
    await deposit(phone)
    await phone.is_accessible()
    for service in ("legal", "billing", "notify"):
        await phone.open(f"/{service}/cases/{case}")
        assert await page.locator("h1").count() == 1
        await phone.is_accessible()
    await page.click("header nav a >> nth=0")
    await page.select_option("#role", "witness")
    await page.click("#invite button")
    assert CODE.search(await page.inner_text("main [role=status]"))
    await phone.is_accessible()

    await page.route("https://meteofrance.com/**", lambda route: route.fulfill(body="Beau temps."))
    await page.click("#quick-exit")
    await page.wait_for_url("https://meteofrance.com/**")


async def test_the_same_path_works_without_scripts(phone_without_scripts):
    phone = phone_without_scripts
    page = phone.page
    code = await opened(phone)
    await page.click("main .next a")
    await page.click("details[open] a[href^='/evidence/']")
    await deposit(phone)
    await page.click("header nav a >> nth=0")
    await page.click("form[action='/leave'] button")
    await phone.open("/enter")
    await page.fill("#code", code)
    await page.click("form[action='/enter'] button")
    assert "Ajoutez vos captures" in await page.inner_text(".next")


async def tab_to(page, selector, most=80):
    """Press the tabulator until what ``selector`` finds has the focus."""
    for _ in range(most):
        if await page.evaluate("wanted => document.activeElement.matches(wanted)", selector):
            return
        await page.keyboard.press("Tab")
    pytest.fail(f"{selector} cannot be reached by keyboard")


async def test_a_case_is_opened_by_keyboard_alone(phone):
    page = phone.page
    await phone.open("/")
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.className") == "skip"
    await page.keyboard.press("Enter")
    await tab_to(page, "main .next a")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/open")
    await tab_to(page, "input[name=persona]")
    await page.keyboard.press("Space")
    await tab_to(page, "input[name=danger][value=threat]")
    await page.keyboard.press("Space")
    await tab_to(page, "#kind")
    await page.keyboard.type("Inj")
    await tab_to(page, "#day")
    await page.keyboard.type("01112026")
    await tab_to(page, "#account")
    await page.keyboard.type("On m'insulte chaque soir.")
    await tab_to(page, "form[action='/open'] button")
    assert await page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    await page.keyboard.press("Enter")
    assert CODE.search(await page.inner_text("main"))
    await tab_to(page, "main .next a")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/cases/*")
    await tab_to(page, "details.section summary")
    await page.wait_for_selector("details[open] #evidence-file")
    await tab_to(page, "#evidence-file")


async def test_a_form_sent_twice_opens_one_case(phone):
    code = await opened(phone)
    await phone.page.reload()
    assert CODE.search(await phone.page.inner_text("main"))[0] == code
