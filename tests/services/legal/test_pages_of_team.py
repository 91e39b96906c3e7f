from __future__ import annotations

import re
from pathlib import Path

import pytest

import services.legal
from services.legal.pages_of_team import FORMS, TEXTS
from shared import clock
from shared.contracts.intake import CaseClosed
from shared.contracts.partners import CourtNotice
from tests.given import CASE, NOON
from tests.services.legal import affairs
from tests.services.legal.affairs import TODAY, act, case, days
from tests.services.legal.desk import LAWYER, VICTIM, WORKER, client, closed, desk
from tests.services.legal.formal import Forms, send
from tests.services.legal.test_api import told_by_the_person, typeset

BASE = f"/legal/cases/{CASE}/team"
STRANGERS = [VICTIM, ("somebody", "lawyer", None), ("other", "case-worker", None), ("holder-9", "victim")]


@pytest.fixture(autouse=True)
def stopped(monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: NOON)


async def looked(found, who=LAWYER, path=BASE):
    async with client(found, who) as http:
        said = await http.get(path)
    assert said.status_code == 200, said.text
    return said.text


async def sent(found, who, action, **typed):
    """The form at ``action`` of the present page, sent by ``who``."""
    async with client(found, who) as http:
        return await send(http, (await http.get(BASE)).text, BASE + action, **typed)


async def done(found, who, action, **typed):
    said = await sent(found, who, action, **typed)
    assert said.status_code == 303, said.text
    assert said.headers["location"].split("?")[0] == BASE
    return said


def new(*acts):
    """A case whose identity is proven and that waits for its diagnosis."""
    return desk(
        *(acts or [act(kind="threat", day=days(-3))]), before=lambda *a, **o: case(*a, **o).facts(affairs.proven())
    )


# The whole way


async def test_the_team_does_a_whole_procedure_by_forms_alone():
    found = new()
    assert "Donner le diagnostic" in await looked(found)
    await done(found, LAWYER, "/diagnoses", solidity="A", options=["complaint", "removal"], advice="Portez plainte.")
    assert "Portez plainte." in await looked(found)

    drafted = await done(
        found,
        WORKER,
        "/complaints",
        procedure="simple",
        particulars__summary="Menaces répétées.",
        particulars__requests="Que l’auteur soit identifié\nQue les faits cessent",
        particulars__harm__claimed_cents="1 500,50 €",
        particulars__signature__lawyer="Maître Durand",
        particulars__signature__bar="Lyon",
    )
    [complaint] = re.findall(r"drafting=(.+)\.1$", drafted.headers["location"])
    told_by_the_person(found)
    await typeset(found)
    assert "Lire et approuver la plainte" in await looked(found)
    async with client(found, LAWYER) as http:
        assert (await http.get(f"/legal/cases/{CASE}/complaints/{complaint}.pdf")).content.startswith(b"%PDF")
    here = f"/complaints/{complaint}"
    await done(found, LAWYER, f"{here}/approval")
    await done(found, WORKER, f"{here}/filing", mode="registered-letter", place="Tribunal de Lyon", receipt="R-1")
    await done(found, WORKER, f"{here}/answers", answer="prosecuted", day="23/11/2026")

    asked = {"kind": "trial", "day": days(40).isoformat(), "details.hour": "09:30", "details.court": "Lyon"}
    await done(found, WORKER, "/hearings", **asked)
    [hearing] = found.found.state.hearings
    assert "09:30" in await looked(found)
    moved = {"day": days(50).isoformat(), "details.room": "3"}
    await done(found, WORKER, f"/hearings/{hearing}/move", **moved)
    page = await looked(found)
    assert "Déplacée." in page
    assert "Lyon, salle 3" in page
    await done(found, WORKER, f"/hearings/{hearing}/end", status="cancelled")

    today = {"kind": "trial", "day": TODAY.isoformat(), "served_on": days(-30).isoformat()}
    await done(found, WORKER, "/hearings", **today)
    [second] = found.found.state.hearings.keys() - {hearing}
    assert "Dire si l’audience a eu lieu" in await looked(found)
    await done(found, WORKER, f"/hearings/{second}/end", status="held")
    assert "Enregistrer la décision" in await looked(found)
    await done(found, LAWYER, "/judgments", outcome="convicted", costs_cents="900", damages_cents="1 500")
    state = found.found.state
    assert [(one.hearing, one.cents) for one in state.judgments.values()] == [(second, 90_000)]
    assert "condamnation" in await looked(found)
    assert "La décision est rendue" in await looked(found, WORKER, "/legal/team")
    assert "Maître Durand" not in state.model_dump_json()


async def test_requests_about_content_and_authors_go_by_forms():
    found = desk(act(kind="threat"))
    await done(found, WORKER, "/removals", step="regulator", url="https://x.test/1")
    [removal] = found.found.state.removals
    await done(found, WORKER, f"/removals/{removal}/answers", answer="removed")
    await done(found, WORKER, "/preservations", data="technical", platform="Forum", account="troll")
    await done(found, WORKER, "/identifications", authority="police", data="technical", target="troll")
    [identification] = found.found.state.identifications
    assert "/author" not in " ".join(Forms(await looked(found, WORKER)).found)
    await done(found, LAWYER, f"/identifications/{identification}/author", name="Jean Dupont")
    page = await looked(found)
    for words in ("contenu retiré", "Conservation de données demandée", "auteur identifié"):
        assert words in page
    assert "Jean Dupont" not in page


# Refused


async def test_what_was_typed_stays_and_the_field_is_named():
    found = desk(before=affairs.approved)
    page = await sent(found, WORKER, "/complaints/complaint-1/filing", mode="bailiff", place="Lyon 3e", day="hier")
    assert page.status_code == 422
    assert "Ce jour ne se lit pas" in page.text
    assert re.search(r"À corriger\s*: Jour\.", page.text.replace("\xa0", " "))
    again = Forms(page.text).found[f"{BASE}/complaints/complaint-1/filing"]
    assert (again["place"], again["mode"], again["day"]) == (["Lyon 3e"], ["bailiff"], ["hier"])
    assert found.found.state.complaints["complaint-1"].filed is None


@pytest.mark.parametrize(
    ("typed", "said", "key"),
    [
        ({"mode": ""}, "À remplir", "Mode de dépôt"),
        ({"mode": "pigeon"}, "Choisissez dans la liste", "Mode de dépôt"),
        ({"place": "x" * 2000}, "trop long", "Lieu du dépôt"),
        ({"day": "31/02/2026"}, "Ce jour ne se lit pas", "Jour"),
        ({"day": days(1).isoformat()}, "pas encore venu", "Jour"),
        ({"day": days(-1).isoformat()}, "avant l’étape précédente", "Jour"),
    ],
)
async def test_each_wrong_field_of_a_filing_says_what_to_do(typed, said, key):
    found = desk(before=affairs.approved)
    told = {"mode": "bailiff", "place": "Lyon", **typed}
    page = await sent(found, WORKER, "/complaints/complaint-1/filing", **told)
    assert page.status_code == 422
    assert said in page.text
    assert re.search(rf"À corriger\s*: {key}\.", page.text.replace("\xa0", " "))


async def test_an_amount_that_cannot_be_read_is_said_so():
    found = desk(before=affairs.filed)
    found.found.when(affairs.hearing(day=TODAY))
    page = await sent(found, LAWYER, "/judgments", outcome="convicted", costs_cents="1.000 euros")
    assert page.status_code == 422
    assert "Ce montant ne se lit pas" in page.text
    assert 'value="1.000 euros"' in page.text
    acquitted = await sent(found, LAWYER, "/judgments", outcome="acquitted", costs_cents="10")
    assert "Sans condamnation" in acquitted.text
    assert 'aria-invalid="true"' in acquitted.text


async def test_chosen_boxes_stay_chosen_when_a_diagnosis_is_refused():
    found = new()
    page = await sent(found, LAWYER, "/diagnoses", solidity="", options=["wait", "removal"], advice="Avis <b>")
    again = Forms(page.text).found[f"{BASE}/diagnoses"]
    assert (again["options"], again["advice"]) == (["removal", "wait"], ["Avis <b>"])
    assert "<b>" not in page.text


async def test_offences_chosen_for_an_act_stay_and_go_into_the_draft():
    found = desk(act(kind="threat"))
    page = await looked(found, WORKER)
    offered = re.findall(r'name="offence\.act-1" value="([^"]+)"', page)
    refused = await sent(found, WORKER, "/complaints", procedure="", **{"offence.act-1": [offered[0]]})
    assert refused.status_code == 422
    assert Forms(refused.text).found[f"{BASE}/complaints"]["offence.act-1"] == [offered[0]]
    await done(found, WORKER, "/complaints", procedure="simple", **{"offence.act-1": [offered[0]]})
    attempt = found.attempt("typeset-complaint")
    told = await found.reveal(CASE, "evidence", attempt.payload["sealed_particulars"])
    assert told["acts"] == [{"act": "act-1", "offences": [offered[0]]}]


async def test_a_way_that_is_closed_is_said_on_the_form():
    found = desk(act(kind="threat"))
    page = await sent(found, WORKER, "/complaints", procedure="civil-party", authors_of_age="yes")
    assert page.status_code == 422
    assert "Cette voie s’ouvre après une plainte simple" in page.text
    assert 'name="authors_of_age" value="yes" checked' in page.text


async def test_an_older_draft_is_not_approved():
    found = desk(before=affairs.approved)
    found.found.when(affairs.drafting(draft=2))
    found.found.when(affairs.drafted(draft=2, commitment="d" * 64))
    said = await sent(found, LAWYER, "/complaints/complaint-1/approval", commitment="e" * 64)
    assert said.status_code == 409
    assert "version plus récente" in said.text


async def test_a_form_that_is_none_of_ours_is_refused_without_failing():
    found = desk()
    async with client(found, WORKER) as http:
        for told in ({"day": "2026-12-01", "day.more": "x"}, {"kind": "trial", "other": "x"}, {}):
            said = await http.post(f"{BASE}/hearings", data=told)
            assert said.status_code == 422
        assert (
            await http.post(f"{BASE}/hearings", content=b"\xff", headers={"origin": "https://other.test"})
        ).status_code == 403
    assert not found.found.state.hearings


# The notice of a hearing


async def test_a_hearing_called_too_late_is_shown_as_such_and_recorded_only_when_meant():
    found = desk(before=affairs.filed)
    told = {"kind": "trial", "day": days(2).isoformat(), "details.court": "Lyon"}
    page = await sent(found, WORKER, "/hearings", **told)
    assert page.status_code == 422
    assert "trop proche de la convocation" in page.text
    assert "Premier jour possible" in page.text
    assert not found.found.state.hearings
    async with client(found, WORKER) as http:
        said = await send(http, page.text, f"{BASE}/hearings", anyway="yes")
    assert said.status_code == 303
    [hearing] = found.found.state.hearings.values()
    assert hearing.notice == "too-soon"
    assert "trop tardive au regard de la loi. À vérifier" in await looked(found)


async def test_a_move_is_checked_too_and_an_unknown_hearing_is_not_found():
    found = desk(before=affairs.filed)
    found.found.when(affairs.hearing(day=days(40), sealed_details=closed({"court": "Lyon"}, "contact")))
    page = await sent(found, WORKER, "/hearings/hearing-1/move", day=days(1).isoformat())
    assert (page.status_code, "trop proche" in page.text) == (422, True)
    async with client(found, WORKER) as http:
        assert (
            await http.post(f"{BASE}/hearings/hearing-9/move", data={"day": days(40).isoformat()})
        ).status_code == 404
        assert (await http.post(f"{BASE}/hearings/%20/move", data={"day": days(40).isoformat()})).status_code == 404


async def test_a_form_sent_twice_is_done_once():
    found = desk(before=affairs.filed)
    async with client(found, WORKER) as http:
        page = (await http.get(BASE)).text
        told = {"kind": "trial", "day": days(40).isoformat()}
        first = await send(http, page, f"{BASE}/hearings", **told)
        again = await send(http, page, f"{BASE}/hearings", **told)
        other = await send(http, page, f"{BASE}/hearings", **{**told, "kind": "civil"})
    assert (first.status_code, again.status_code) == (303, 303)
    assert len(found.found.state.hearings) == 1
    assert (other.status_code, "déjà été envoyé" in other.text) == (409, True)


# Who may


@pytest.mark.parametrize("who", STRANGERS)
async def test_a_stranger_and_the_person_find_nothing_on_the_teams_pages(who):
    found = desk()
    async with client(found, who) as http:
        assert (await http.get(BASE)).status_code == 404
        assert (await http.get(f"{BASE}/drafting/complaint-1.1")).status_code == 404
        for form in FORMS:
            path = form.path.format(complaint="c", hearing="h", removal="r", identification="i")
            assert (await http.post(BASE + path, data={"day": TODAY.isoformat()})).status_code == 404
        assert (await http.post(f"{BASE}/notices", data={"message": "m"})).status_code == 404


async def test_the_list_is_the_teams_and_holds_only_the_cases_of_who_looks():
    found = desk()
    async with client(found, VICTIM) as http:
        assert (await http.get("/legal/team")).status_code == 404
    assert f"/legal/cases/{CASE}/team" in await looked(found, WORKER, "/legal/team")
    other = await looked(found, ("somebody", "lawyer", None), "/legal/team")
    assert CASE not in other
    assert "Aucun dossier ne vous est confié" in other
    async with client(found, WORKER) as http:
        del http.headers["authorization"]
        said = await http.get("/legal/team")
    assert (said.status_code, said.headers["location"]) == (303, "/team/enter")


async def test_a_case_worker_gets_no_form_of_the_lawyers():
    found = desk()
    found.found.when(affairs.drafting())
    found.found.when(affairs.drafted())
    forms = Forms(await looked(found, WORKER)).found
    assert f"{BASE}/diagnoses" not in forms
    assert f"{BASE}/complaints/complaint-1/approval" not in forms
    assert f"{BASE}/complaints" in forms
    async with client(found, WORKER) as http:
        assert (await http.post(f"{BASE}/diagnoses", data={"solidity": "A", "options": "wait"})).status_code == 404


async def test_the_person_keeps_their_own_page_and_the_team_gets_its_own_at_the_same_address():
    found = desk(act(), authors_at_least=40, authors_at_most=90)
    page = f"/legal/cases/{CASE}"
    persons = await looked(found, VICTIM, page)
    assert "<form" not in persons
    assert "Vos preuves" in persons
    for teams in (await looked(found, LAWYER, page), await looked(found)):
        assert "<form" in teams
        assert not re.search(r"\b[Vv]o(s|tre) (preuve|dossier|option|situation|avocat)", teams)
        assert "Ses preuves" in teams
    async with client(found, LAWYER) as http:
        part = (await http.get(page, headers={"hx-request": "true"})).text
    assert f'href="{BASE}"' in part
    assert "<form" not in part
    assert "Vos " not in part


async def test_reading_by_the_team_stands_in_the_persons_ledger():
    found = desk()
    await looked(found, WORKER)
    [viewed] = [one for one in found.found.events if one.name == "record-viewed"]
    assert (viewed.viewer, viewed.record) == ("claire", "diagnosis")


# What is shown


async def test_a_closed_case_takes_what_an_authority_answers_and_nothing_else():
    found = desk(before=affairs.filed)
    found.found.facts(CaseClosed(reason="judged"))
    page = await looked(found)
    assert "le dossier est clos" in page
    assert list(Forms(page).found) == [f"{BASE}/complaints/complaint-1/answers"]
    await done(found, WORKER, "/complaints/complaint-1/answers", answer="closed")


async def test_a_draft_under_way_is_looked_at_again_and_one_that_failed_says_so():
    found = desk()
    said = await done(found, WORKER, "/complaints", procedure="simple")
    [asked] = re.findall(r"drafting=(.+)$", said.headers["location"])
    found.store.jobs[f"legal/case/{CASE}:typeset-complaint:{asked}"] = {}
    page = await looked(found, WORKER, said.headers["location"])
    assert f'hx-get="{BASE}/drafting/{asked}"' in page
    assert "se prépare" in page
    read = len(found.found.events)
    assert "se prépare" in await looked(found, WORKER, f"{BASE}/drafting/{asked}")
    assert len(found.found.events) == read
    found.store.jobs.clear()
    assert "n’a pas pu être fait" in await looked(found, WORKER, said.headers["location"])
    told_by_the_person(found)
    await typeset(found)
    assert "Le document" not in await looked(found, WORKER, said.headers["location"])
    assert "est prêt" in await looked(found, WORKER, f"{BASE}/drafting/{asked}")
    for odd in ("x", ".1", "a.b", f"a.{'9' * 90}", f"{'a' * 250}.1"):
        assert 'role="status"' not in (await looked(found, WORKER, f"{BASE}?drafting={odd}")).split("</main>")[0]


async def test_a_courts_notice_is_confirmed_on_the_page():
    found = desk()
    message = CourtNotice(
        id="m-1", partner="court", case=CASE, kind="trial", status="scheduled", day=days(30), sealed_details="YWdl"
    )
    found.outside.waiting["court/m-1"] = message
    assert "Une juridiction annonce" in await looked(found)
    await done(found, WORKER, "/notices")
    assert found.outside.confirmed == ["court/m-1"]


async def test_the_pages_speak_english():
    found = desk(before=affairs.filed)
    assert "To do now:" in await looked(found, LAWYER, f"{BASE}?lang=en")
    assert "My cases" in await looked(found, LAWYER, "/legal/team?lang=en")


async def test_the_list_says_what_is_next_and_the_nearest_limit():
    page = await looked(desk(act(day=days(-20))), LAWYER, "/legal/team")
    assert "Préparer la plainte" in page
    assert "Il reste 72 jours" in page


def test_every_refusal_of_legal_has_its_words():
    root = Path(services.legal.__path__[0])
    files = [
        *(root / "domain").glob("*.py"),
        *(root / "asked").glob("*.py"),
        root / "particulars.py",
        root / "forms.py",
    ]
    codes = {code for one in files for code in re.findall(r'Refused\(\s*"([a-z-]+)"', one.read_text())}
    assert len(codes) > 20
    assert [code for code in sorted(codes) if f"problem_{code}" not in TEXTS] == []
