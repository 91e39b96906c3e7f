from __future__ import annotations

import re
from datetime import timedelta

import pytest

from shared import clock
from shared.contracts.everyone import ErasureCleared, ErasureObjected, RecordViewed
from shared.contracts.legal import DeadlineThreatened, HearingScheduled, LimitationComputed
from shared.web.pages import show_day
from tests.services.intake.entrances import ENTRANCES

PASSPHRASE = "quatre mots bien choisis"
PAGE = {"Accept": "text/html", "Accept-Language": "fr"}
FORM = {
    "persona": "victim",
    "minor": "yes",
    "kind": "insult",
    "day": "2026-01-05",
    "public": "yes",
    "ground": "origin",
    "authors_range": "few",
    "authors": "pseudo42\npseudo43",
    "account": "Ils m'écrivent <b>chaque</b> jour.",
    "urls": "https://exemple.fr/page",
    "email": "camille@exemple.fr",
    "passphrase": PASSPHRASE,
}


@pytest.fixture
def web(browser):
    return browser(headers=PAGE)


def found(pattern, text, group=0):
    match = re.search(pattern, text)
    assert match
    return match[group]


async def opened(web, **other):
    page = await web.post("/open", data={**FORM, **other})
    assert page.status_code == 201, page.text
    code = found(r"RECOURS(-[0-9A-Z]{4}){5}", page.text, 0)
    case = found(r"/cases/([0-9a-f-]{36})", page.text, 1)
    return case, code


@pytest.mark.parametrize("path", ENTRANCES)
@pytest.mark.parametrize("language", ["fr", "en"])
async def test_every_entrance_shows_numbers_and_a_quick_exit_in_both_languages(web, path, language):
    page = await web.get(path, params={"lang": language})
    assert page.status_code == 200
    assert 'id="quick-exit"' in page.text
    assert "3114" in page.text
    assert f'<html lang="{language}">' in page.text
    assert ("Personne de notre équipe" if language == "fr" else "Nobody of our team") in page.text


async def test_the_start_has_an_entrance_for_who_was_invited(web):
    page = await web.get("/")
    assert 'href="/join"' in page.text
    assert page.text.index("3114") < page.text.index("/guidance/victim")


async def test_an_unknown_persona_has_no_page(web):
    assert (await web.get("/guidance/passer-by")).status_code == 422


async def test_a_form_opens_the_same_case_as_the_api(web, standing):
    case, _ = await opened(web)
    facets = (await standing.load("case", case)).file.facets.value
    assert (facets.minor, facets.authors_at_least, facets.authors_at_most) == (True, 2, 14)
    assert facets.acts[0].hate_ground
    page = await web.get(f"/cases/{case}")
    assert "&lt;b&gt;chaque&lt;/b&gt;" in page.text
    assert "pseudo42, pseudo43" in page.text
    for path in ("evidence", "legal", "billing", "notify"):
        assert f'hx-get="/{path}/cases/{case}"' in page.text
        assert f'<a href="/{path}/cases/{case}">' in page.text
    assert page.text.count('class="next"') == 1
    assert page.text.index('class="next"') < page.text.index("<details")


async def test_a_form_in_danger_shows_the_numbers_first_and_that_nobody_is_there(web):
    page = await web.post("/open", data={**FORM, "danger": ["suicide", "sextortion"]})
    assert page.text.index("3114") < page.text.index("RECOURS-")
    assert "personne n’est là en ce moment" in page.text
    case = found(r"/cases/([0-9a-f-]{36})", page.text, 1)
    dossier = (await web.get(f"/cases/{case}")).text
    assert dossier.index("3114") < dossier.index("112") < dossier.index('class="next"')
    assert "Personne de notre équipe" in dossier


async def test_a_form_sent_twice_opens_one_case_and_shows_the_same_code(web, standing):
    key = found(r'name="once" value="([0-9a-f-]{36})"', (await web.get("/open")).text, 1)
    first = await web.post("/open", data={**FORM, "once": key})
    again = await web.post("/open", data={**FORM, "once": key})
    assert again.text == first.text
    assert standing.names().count("case-opened") == 1
    other = await web.post("/open", data={**FORM, "account": "Autre chose.", "once": key})
    assert other.status_code == 422
    assert "déjà ouvert un dossier" in other.text
    fresh = found(r'name="once" value="([0-9a-f-]{36})"', other.text, 1)
    assert (await web.post("/open", data={**FORM, "account": "Autre chose.", "once": fresh})).status_code == 201
    assert standing.names().count("case-opened") == 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"day": "2999-01-01"}, "pas encore arrivé"),
        ({"day": "demain"}, '<a href="#day">'),
        ({"day": ""}, "même approximatif"),
        ({"kind": ""}, "choisissez aussi ce qui est arrivé"),
        ({"persona": "passant"}, '<a href="#who_are_you">'),
        ({"passphrase": "court"}, "au moins 10"),
    ],
)
async def test_a_form_with_a_slip_comes_back_filled_and_says_what_to_correct(web, standing, change, said):
    page = await web.post("/open", data={**FORM, **change, "danger": "threat"})
    assert page.status_code == 422
    assert said in page.text
    assert "camille@exemple.fr" in page.text
    assert PASSPHRASE not in page.text
    assert not standing.events


async def test_almost_nothing_told_is_enough(web, standing):
    page = await web.post("/open", data={"persona": "witness"})
    assert page.status_code == 201
    assert standing.names()[0] == "case-opened"


async def test_who_comes_back_with_a_code_enters_and_leaves(web, browser):
    case, code = await opened(web)
    other = browser(headers=PAGE)
    entered = await other.post("/enter", data={"code": code, "passphrase": PASSPHRASE})
    assert (entered.status_code, entered.headers["location"]) == (303, f"/cases/{case}")
    assert (await other.get(f"/cases/{case}")).status_code == 200
    await other.post("/leave")
    gone = await other.get(f"/cases/{case}")
    assert gone.status_code == 303
    again = await other.get(gone.headers["location"])
    assert again.headers["location"] == "/enter"


async def test_a_wrong_code_says_so_without_saying_what(web):
    _, code = await opened(web)
    wrong = await web.post("/enter", data={"code": code, "passphrase": "une mauvaise phrase"})
    assert wrong.status_code == 422
    assert "n’ouvre rien" in wrong.text
    assert "faute dans ce code" in (await web.post("/enter", data={"code": "RECOURS-1"})).text


async def test_a_page_whose_session_ran_out_comes_back_by_itself(web, monkeypatch):
    case, _ = await opened(web)
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(minutes=6))
    page = await web.get(f"/cases/{case}", follow_redirects=True)
    assert page.status_code == 200
    assert page.url.path == f"/cases/{case}"


async def test_renewing_leads_to_no_other_site(web):
    await opened(web)
    for place in ("https://ailleurs.fr/", "//ailleurs.fr", "/\\ailleurs.fr", "/cases/../../x?y"):
        answer = await web.get("/api/sessions/renew", params={"next": place})
        assert answer.headers["location"] == "/"


async def test_inviting_accepting_freezing_and_revoking_by_forms(web, browser):
    case, _ = await opened(web)
    page = await web.post(f"/cases/{case}/invitations", data={"role": "witness"})
    code = found(r"RECOURS(-[0-9A-Z]{4}){5}", page.text, 0)
    other = browser(headers=PAGE)
    assert "passez par" in (await other.post("/enter", data={"code": code})).text
    joined = await other.post("/join", data={"code": code})
    assert joined.headers["location"] == f"/cases/{case}"
    assert "témoin" in (await other.get(f"/cases/{case}")).text
    access = found(rf"/cases/{case}/accesses/([0-9a-f]{{64}})/freeze", (await web.get(f"/cases/{case}")).text, 1)
    assert (await web.post(f"/cases/{case}/accesses/{access}/freeze")).status_code == 303
    assert (await other.get(f"/cases/{case}")).status_code == 404
    assert "coupé" in (await web.get(f"/cases/{case}")).text
    assert (await web.post(f"/cases/{case}/accesses/{access}/revoke")).status_code == 303
    assert "coupé" not in (await web.get(f"/cases/{case}")).text


async def test_what_is_refused_shows_on_the_dossier(web):
    case, _ = await opened(web)
    for path, data, said in (
        ("invitations", {"role": "victim"}, "inviter dans ce rôle"),
        ("invitations", {"role": "king"}, "inviter dans ce rôle"),
        ("erasure", {}, "Cochez la case"),
        ("passphrase", {"passphrase": "court"}, "au moins 10"),
        ("facts", {"account": "x" * 12_001}, "trop long"),
    ):
        page = await web.post(f"/cases/{case}/{path}", data=data)
        assert page.status_code == 409
        assert said in page.text


async def test_the_account_can_be_written_anew(web):
    case, _ = await opened(web)
    assert (await web.post(f"/cases/{case}/facts", data={"account": "Autrement dit."})).status_code == 303
    assert "Autrement dit." in (await web.get(f"/cases/{case}")).text


async def test_without_a_passphrase_the_content_stays_shut_until_one_is_chosen(web):
    case, _ = await opened(web, passphrase="")
    page = await web.get(f"/cases/{case}")
    assert "chaque" not in page.text
    assert "Choisir cette phrase" in page.text
    await web.post(f"/cases/{case}/passphrase", data={"passphrase": PASSPHRASE})
    assert "chaque" in (await web.get(f"/cases/{case}")).text


async def test_erasing_by_form_says_where_the_certificate_will_be_and_why_it_stopped(web, standing):
    case, _ = await opened(web)
    page = await web.post(f"/cases/{case}/erasure", data={"sure": "yes"})
    assert page.status_code == 202
    erasure = found(r"/erasures/([0-9a-f-]{36})/certificate", page.text, 1)
    standing.hear(case, ErasureCleared(erasure=erasure), source="notify")
    assert "en cours" in (await web.get(f"/cases/{case}")).text
    standing.hear(case, ErasureObjected(erasure=erasure, reason="judicial-hold"), source="legal")
    page = await web.get(f"/cases/{case}")
    assert "Un juge ou la police a demandé de garder le dossier" in page.text
    assert "judicial-hold" not in page.text


async def test_limits_steps_and_readings_show_on_the_dossier(web, standing):
    case, _ = await opened(web)
    day = clock.paris_day(clock.now()) + timedelta(days=20)
    standing.hear(case, LimitationComputed(limits=(), earliest=day))
    standing.hear(case, DeadlineThreatened(deadline="d", kind="press-limit", last_day=day))
    standing.hear(case, RecordViewed(viewer="maitre", role="lawyer", record="diagnosis"), source="legal")
    court = HearingScheduled(hearing="h", kind="trial", status="scheduled", day=day, notice="lawful")
    standing.hear(case, court)
    text = (await web.get(f"/cases/{case}")).text
    assert f"{show_day(day, 'fr')}.</strong> À confirmer par un avocat" in text
    assert "Date limite proche" in text
    assert f"Une audience est prévue\u00a0: voyez-la ({show_day(day, 'fr')})" in text
    assert "avocat·e, avis" in text


async def test_the_team_enters_sees_its_list_and_takes_a_case(web, standing, browser):
    case, _ = await opened(web)
    await standing.keyring.enrol("claire", "case-worker", "une longue phrase d'équipe")
    desk = browser(headers=PAGE)
    assert (await desk.get("/team")).headers["location"] == "/team/enter"
    assert (await desk.get("/team/enter")).status_code == 200
    wrong = await desk.post("/team/enter", data={"name": "claire", "passphrase": "mauvaise"})
    assert wrong.status_code == 422
    await desk.post("/team/enter", data={"name": "claire", "passphrase": "une longue phrase d'équipe"})
    assert "Prendre ce dossier" in (await desk.get("/team")).text
    assert (await desk.get(f"/cases/{case}")).status_code == 404
    taken = await desk.post(f"/team/cases/{case}/take")
    assert taken.headers["location"] == f"/cases/{case}"
    page = await desk.get(f"/cases/{case}")
    assert "camille@exemple.fr" in page.text
    assert "Tout effacer" not in page.text
    assert "Faire le diagnostic" in (await desk.get("/team")).text


async def test_the_team_checks_authority_and_identity_and_closes_by_forms(web, standing, browser):
    case, _ = await opened(web, persona="guardian")
    await standing.keyring.enrol("claire", "case-worker", "une longue phrase d'équipe")
    desk = browser(headers=PAGE)
    await desk.post("/team/enter", data={"name": "claire", "passphrase": "une longue phrase d'équipe"})
    for place in ("identity", "close"):
        assert (await desk.post(f"/team/cases/{case}/{place}", data={})).status_code == 404
    await desk.post(f"/team/cases/{case}/take")
    page = (await desk.get(f"/cases/{case}")).text
    assert "Je ne suis pas en sécurité" not in page
    access = found(rf"/team/cases/{case}/authority/([0-9a-f]{{64}})", page, 1)
    assert (await desk.post(f"/team/cases/{case}/authority/{access}")).status_code == 303
    assert (await desk.post(f"/team/cases/{case}/identity", data={"means": "rumour"})).status_code == 422
    assert (await desk.post(f"/team/cases/{case}/identity", data={"means": "in-person"})).status_code == 303
    assert 'id="identity"' not in (await desk.get(f"/cases/{case}")).text
    assert (await desk.post(f"/team/cases/{case}/close", data={"reason": "solved"})).status_code == 303
    state = await standing.load("case", case)
    assert (state.file.role_of(state.file.accesses[access].value.holder), state.file.identity_proven) == (
        "guardian",
        True,
    )
    assert state.file.closed


async def test_the_person_decides_nothing_that_is_the_teams(web):
    case, _ = await opened(web)
    assert (await web.post(f"/team/cases/{case}/identity", data={"means": "in-person"})).status_code == 404
    assert "/team/" not in (await web.get(f"/cases/{case}")).text


async def test_a_witness_does_not_learn_that_there_is_danger(web, browser):
    case, _ = await opened(web, danger="suicide")
    code = found(
        r"RECOURS(-[0-9A-Z]{4}){5}", (await web.post(f"/cases/{case}/invitations", data={"role": "witness"})).text
    )
    other = browser(headers=PAGE)
    await other.post("/join", data={"code": code})
    calm, _ = await opened(web)
    quiet = found(
        r"RECOURS(-[0-9A-Z]{4}){5}", (await web.post(f"/cases/{calm}/invitations", data={"role": "witness"})).text
    )
    third = browser(headers=PAGE)
    await third.post("/join", data={"code": quiet})
    seen = (await other.get(f"/cases/{case}")).text.replace(case, "")
    assert seen == (await third.get(f"/cases/{calm}")).text.replace(calm, "")


async def test_a_team_session_that_ran_out_comes_back_by_itself(web, standing, monkeypatch):
    await standing.keyring.enrol("claire", "case-worker", "une longue phrase d'équipe")
    await web.post("/team/enter", data={"name": "claire", "passphrase": "une longue phrase d'équipe"})
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(minutes=6))
    assert (await web.get("/team", follow_redirects=True)).status_code == 200
