"""Sessions that end: by idleness, and in the middle of a form."""

from __future__ import annotations

import html
import re
from datetime import timedelta

import pytest

from services.intake.typed import Typed, given_back, read_typed, sealed
from shared import clock
from tests.services.intake.test_pages import FORM, PAGE, PASSPHRASE, found, opened

TEXT = "Ils recommencent chaque soir, même après l'école."
STAFF = {"name": "claire", "passphrase": "une longue phrase d'équipe"}
RENEW = "/api/sessions/renew"


@pytest.fixture
def web(browser):
    return browser(headers=PAGE)


@pytest.fixture
def later(monkeypatch):
    """Moves the clock to so many minutes from the beginning."""
    start = clock.now()

    def go(minutes):
        monkeypatch.setattr(clock, "now", lambda: start + timedelta(minutes=minutes))

    return go


async def renewed(web, idle=None):
    return await web.post(RENEW, json={} if idle is None else {"idle_seconds": idle * 60})


def fields(page):
    hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page)
    areas = re.findall(r'<textarea id="typed-\d+" name="([^"]+)" rows="6">\n(.*?)</textarea>', page, re.DOTALL)
    return {name: html.unescape(value) for name, value in hidden + areas}


async def test_an_open_page_that_nobody_touches_closes_half_an_hour_after_the_last_action(web, later):
    await opened(web)
    for minutes in range(4, 30, 4):
        later(minutes)
        answer = await renewed(web, idle=minutes)
        assert answer.status_code == 200
        assert answer.json()["closes_in"] == pytest.approx((30 - minutes) * 60, abs=2)
    later(30.1)
    assert (await renewed(web, idle=30)).status_code == 404


async def test_a_page_that_says_nothing_of_the_person_keeps_nothing_open(web, later):
    await opened(web)
    for minutes in range(4, 30, 4):
        later(minutes)
        assert (await renewed(web)).status_code == 200
    later(30.1)
    assert (await renewed(web)).status_code == 404


async def test_an_action_in_one_page_is_not_undone_by_another_that_saw_none(web, later):
    await opened(web)
    later(20)
    assert (await renewed(web, idle=0)).json()["closes_in"] == pytest.approx(1800, abs=2)
    assert (await renewed(web, idle=20)).json()["closes_in"] == pytest.approx(1800, abs=2)
    later(45)
    assert (await renewed(web, idle=45)).status_code == 200


async def test_the_last_session_does_not_outlive_the_idle_limit(web, later):
    case, _ = await opened(web)
    later(28)
    assert (await renewed(web, idle=28)).status_code == 200
    later(29.9)
    assert (await web.get(f"/cases/{case}")).status_code == 200
    later(30.1)
    gone = await web.get(f"/cases/{case}", follow_redirects=True)
    assert gone.url.path == "/enter"


async def test_opening_a_page_is_an_action(web, later):
    case, _ = await opened(web)
    for minutes in (25, 50, 75):
        later(minutes)
        assert (await web.get(f"/cases/{case}", follow_redirects=True)).url.path == f"/cases/{case}"


async def test_the_team_stays_for_two_hours_and_signs_in_at_its_own_entrance(web, standing, later):
    await standing.keyring.enrol("claire", "case-worker", STAFF["passphrase"])
    await web.post("/team/enter", data=STAFF)
    later(119)
    assert (await renewed(web)).status_code == 200
    later(120.1)
    assert (await renewed(web)).status_code == 404
    assert (await web.get("/team", follow_redirects=True)).url.path == "/team/enter"
    web.cookies.clear()
    paged = await web.get("/api/sessions/renew", params={"next": "/notify/cases/c-1/pages/danger"})
    assert paged.headers["location"] == "/team/enter"


async def test_idleness_is_never_negative(web):
    await opened(web)
    assert (await web.post(RENEW, json={"idle_seconds": -60})).status_code == 422


@pytest.mark.parametrize("with_cookie", [True, False], ids=["still sent", "dropped by the browser"])
async def test_a_form_sent_after_five_minutes_goes_through_by_itself(web, later, with_cookie):
    case, _ = await opened(web)
    later(6)
    if not with_cookie:
        web.cookies.delete("recours_session")
    page = await web.post(f"/cases/{case}/facts", data={"account": TEXT}, follow_redirects=True)
    assert page.status_code == 200
    assert page.url.path == f"/cases/{case}"
    assert html.escape(TEXT, quote=False) in page.text.replace("&#39;", "'")


async def test_what_was_typed_comes_back_after_signing_in_again_and_can_be_sent(web, standing, later):
    case, code = await opened(web)
    later(31)
    web.cookies.delete("recours_session")
    late = await web.post(f"/cases/{case}/facts", data={"account": TEXT}, follow_redirects=True)
    assert late.status_code == 401
    assert "n’est pas perdu" in late.text
    assert "recommencent" not in late.text
    waiting = fields(late.text)["typed"]
    wrong = await web.post("/enter", data={"typed": waiting, "code": code, "passphrase": "une autre phrase"})
    assert wrong.status_code == 422
    assert fields(wrong.text)["typed"] == waiting
    without = await web.post("/enter", data={"typed": waiting, "code": code})
    assert "Il faut aussi votre phrase secrète" in without.text
    assert fields(without.text)["typed"] == waiting
    back = await web.post("/enter", data={"typed": waiting, "code": code, "passphrase": PASSPHRASE})
    assert back.status_code == 200
    assert fields(back.text) == {"account": TEXT}
    assert "recommencent" not in (await web.get(f"/cases/{case}")).text
    action = found(r'<form method="post" action="(/cases/[^"]+)"', back.text, 1)
    assert (await web.post(action, data=fields(back.text))).status_code == 303
    assert "recommencent" in (await web.get(f"/cases/{case}")).text


async def test_what_was_typed_is_shown_to_nobody_else(web, browser, later):
    case, _ = await opened(web)
    invited = await web.post(f"/cases/{case}/invitations", data={"role": "witness"})
    witness = found(r"RECOURS(-[0-9A-Z]{4}){5}", invited.text)
    await browser(headers=PAGE).post("/join", data={"code": witness})
    _, stranger = await opened(browser(headers=PAGE))
    later(31)
    late = await web.post(f"/cases/{case}/facts", data={"account": TEXT}, follow_redirects=True)
    for code, passphrase in ((witness, ""), (stranger, PASSPHRASE)):
        other = await web.post(
            "/enter", data={"typed": fields(late.text)["typed"], "code": code, "passphrase": passphrase}
        )
        assert other.status_code == 303
        assert "recommencent" not in other.text


async def test_the_form_of_somebody_elses_page_is_not_kept_for_who_uses_the_browser_now(web, browser, later):
    other, _ = await opened(browser(headers=PAGE))
    await opened(web)
    later(31)
    late = await web.post(f"/cases/{other}/facts", data={"account": TEXT}, follow_redirects=True)
    assert late.status_code == 401
    assert "typed" not in fields(late.text)
    assert "n’a pas été enregistré" in late.text


async def test_without_a_genuine_session_nothing_is_taken_in(web, browser, later):
    case, _ = await opened(web)
    nobody = browser(headers=PAGE)
    for cookie in ({}, {"Cookie": "recours_refresh=abc.def.ghi"}):
        late = await nobody.post(f"/cases/{case}/facts", data={"account": TEXT}, headers=cookie, follow_redirects=True)
        assert late.status_code == 401
        assert "typed" not in fields(late.text)


async def test_a_passphrase_is_never_given_back(web, later):
    case, _ = await opened(web, passphrase="")
    later(31)
    late = await web.post(f"/cases/{case}/passphrase", data={"passphrase": PASSPHRASE}, follow_redirects=True)
    assert late.status_code == 401
    assert PASSPHRASE not in late.text
    assert "typed" not in fields(late.text)


async def test_a_member_of_the_team_finds_their_form_again(web, standing, browser, later):
    case, _ = await opened(browser(headers=PAGE))
    await standing.keyring.enrol("claire", "case-worker", STAFF["passphrase"])
    await web.post("/team/enter", data=STAFF)
    await web.post(f"/team/cases/{case}/take")
    later(121)
    late = await web.post(f"/team/cases/{case}/identity", data={"means": "in-person"}, follow_redirects=True)
    assert 'action="/team/enter"' in late.text
    back = await web.post("/team/enter", data={**STAFF, "typed": fields(late.text)["typed"]})
    assert fields(back.text) == {"means": "in-person"}
    assert f'action="/team/cases/{case}/identity"' in back.text


async def test_resuming_leads_to_no_other_site(web):
    await opened(web)
    for place in ("https://ailleurs.fr/", "//ailleurs.fr", "/api/cases", "/cases/../../x?y"):
        answer = await web.post("/api/sessions/resume", params={"next": place}, data={"a": "1"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/")


async def test_a_revoked_access_resumes_nothing(web, browser, later):
    case, _ = await opened(web)
    invited = await web.post(f"/cases/{case}/invitations", data={"role": "witness"})
    witness = browser(headers=PAGE)
    await witness.post("/join", data={"code": found(r"RECOURS(-[0-9A-Z]{4}){5}", invited.text)})
    access = found(rf"/cases/{case}/accesses/([0-9a-f]{{64}})/revoke", (await web.get(f"/cases/{case}")).text, 1)
    await web.post(f"/cases/{case}/accesses/{access}/revoke")
    later(6)
    late = await witness.post(f"/evidence/cases/{case}/x", follow_redirects=True)
    assert late.status_code in {401, 404}
    direct = await witness.post("/api/sessions/resume", params={"next": f"/cases/{case}/facts"}, data={"account": "x"})
    assert direct.status_code == 401


MULTIPART = (
    b'--b\r\nContent-Disposition: form-data; name="note"\r\n\r\n\xc3\xa9t\xc3\xa9 chaud\r\n'
    b'--b\r\nContent-Disposition: form-data; name="shows"\r\n\r\ndate\r\n'
    b'--b\r\nContent-Disposition: form-data; name="shows"\r\n\r\nhour\r\n'
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n\x89PNG cut'
)


def test_the_fields_of_a_form_with_a_file_are_kept_and_the_file_is_not():
    typed = read_typed("s", "/evidence/cases/1/exhibits", "multipart/form-data; boundary=b", MULTIPART, full=False)
    assert typed.fields == (("note", "été chaud"), ("shows", "date"), ("shows", "hour"))
    assert (typed.file, typed.multipart) == ("file", True)
    assert "PNG" not in typed.model_dump_json()


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", MULTIPART),
        ("multipart/form-data; boundary=b", b"nonsense"),
        ("multipart/form-data; boundary=" + "b" * 300, MULTIPART),
    ],
)
def test_a_form_that_cannot_be_read_has_no_fields(content_type, body):
    assert read_typed("s", "/cases/1", content_type, body, full=False).fields == ()


@pytest.mark.parametrize("body", [b"code=RECOURS-1&a=b", b"passphrase=x", b"%3Cb%3E=1", b"a=1&" * 101])
def test_a_form_with_secrets_or_unlikely_names_is_not_kept(body):
    assert read_typed("s", "/cases/1", "application/x-www-form-urlencoded", body, full=False) is None


def test_what_is_sealed_opens_for_its_writer_for_eight_hours():
    typed = Typed(sub="s", path="/cases/1", full=True, multipart=False, fields=(("account", TEXT * 200),))
    now = clock.now()
    text = sealed(typed, "secret", now)
    assert given_back(text, "secret", "s", now + timedelta(hours=7)) == typed
    assert given_back(text, "secret", "t", now) is None
    assert given_back(text, "other", "s", now) is None
    assert given_back(text[:-1] + "é", "secret", "s", now) is None
    assert given_back(text, "secret", "s", now + timedelta(hours=9)) is None


async def test_the_longest_account_comes_back_whole(web, later):
    case, code = await opened(web)
    later(31)
    long = "é à " * 3000
    late = await web.post(f"/cases/{case}/facts", data={"account": long}, follow_redirects=True)
    back = await web.post(
        "/enter", data={"typed": fields(late.text)["typed"], "code": code, "passphrase": FORM["passphrase"]}
    )
    assert fields(back.text) == {"account": long}
