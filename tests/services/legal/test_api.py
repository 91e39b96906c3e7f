from __future__ import annotations

from datetime import date

import pytest

from services.legal import workers
from services.legal.particulars import Particulars, Signature
from shared import clock
from shared.contracts.intake import CaseErased, CaseUpdated
from shared.contracts.partners import CourtNotice
from tests.given import CASE, NOON
from tests.services.legal import affairs
from tests.services.legal.affairs import TODAY, act, case, days
from tests.services.legal.desk import LAWYER, VICTIM, WORKER, client, closed, desk

API = f"/legal/api/cases/{CASE}"
PAGE = f"/legal/cases/{CASE}"
FILING = {"mode": "registered-letter", "day": TODAY.isoformat(), "place": "Lyon", "receipt": "R-1"}


@pytest.fixture(autouse=True)
def stopped(monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: NOON)


async def post(found, who, path, body, **headers):
    async with client(found, who) as http:
        return await http.post(API + path, json=body, headers=headers)


async def get(found, who, path, **headers):
    async with client(found, who) as http:
        return await http.get(path, headers=headers)


async def typeset(found):
    for command in await workers.typeset(found.attempt("typeset-complaint"), found):
        await found.carry_out(command)


# Commands


async def test_a_lawyer_goes_from_diagnosis_to_judgment_by_the_api():
    found = desk(act(kind="threat", day=days(-3)), before=lambda *a, **o: case(*a, **o).facts(affairs.proven()))
    said = await post(
        found, LAWYER, "/diagnoses", {"solidity": "A", "options": ["complaint"], "advice": "Portez plainte."}
    )
    assert said.status_code == 201
    drafted = await post(found, WORKER, "/complaints", {"procedure": "simple"})
    assert drafted.status_code == 202
    complaint = drafted.json()["complaint"]
    told_by_the_person(found)
    await typeset(found)
    standing = (await get(found, WORKER, f"{API}/complaints/{complaint}")).json()
    assert (standing["draft"], standing["typesetting"], standing["approved"]) == (1, False, False)
    path = f"/complaints/{complaint}"
    assert (await post(found, LAWYER, f"{path}/approval", {"commitment": standing["commitment"]})).status_code == 201
    assert (await post(found, WORKER, f"{path}/filing", FILING)).status_code == 201
    answer = {"answer": "prosecuted", "day": TODAY.isoformat()}
    assert (await post(found, WORKER, f"{path}/answers", answer)).status_code == 201
    hearing = (await post(found, WORKER, "/hearings", {"kind": "trial", "day": TODAY.isoformat()})).json()["hearing"]
    judged = {"hearing": hearing, "outcome": "convicted", "day": TODAY.isoformat(), "costs_cents": 90_000}
    assert (await post(found, LAWYER, "/judgments", {**judged, "damages_cents": 150_000})).status_code == 201
    whole = (await get(found, VICTIM, API)).json()
    assert [one["what"] for one in whole["complaints"][0]["steps"]] == ["drafted", "approved", "filed", "prosecuted"]
    assert whole["diagnosis"]["advice"] == "Portez plainte."
    assert whole["judgments"][0]["costs"] == {"cents": 90_000, "currency": "EUR"}


async def test_requests_go_through_the_api_and_an_identity_is_shown_to_who_proved_theirs():
    found = desk(act(kind="threat"))
    day = TODAY.isoformat()
    removal = (
        await post(found, WORKER, "/removals", {"step": "regulator", "day": day, "url": "https://x.test/1"})
    ).json()
    answered = await post(found, WORKER, f"/removals/{removal['removal']}/answers", {"answer": "removed", "day": day})
    assert answered.status_code == 201
    kept = {"data": "technical", "act": "act-1", "day": day, "platform": "Forum", "account": "troll"}
    assert (await post(found, WORKER, "/preservations", kept)).status_code == 201
    asked = {"author": "author-1", "authority": "police", "data": "technical", "day": day, "target": "troll"}
    who = (await post(found, WORKER, "/identifications", asked)).json()["identification"]
    assert (await get(found, VICTIM, f"{API}/authors/{who}")).status_code == 404
    named = await post(found, LAWYER, f"/identifications/{who}/author", {"day": day, "name": "Jean Dupont"})
    assert named.status_code == 201
    assert (await get(found, VICTIM, f"{API}/authors/{who}")).json()["name"] == "Jean Dupont"
    assert "Jean Dupont" not in found.found.state.model_dump_json()


async def test_an_identity_is_not_shown_before_the_persons_own_is_proven():
    found = desk(before=case)
    day = TODAY.isoformat()
    asked = {"author": "author-1", "authority": "police", "data": "identity", "day": day}
    who = (await post(found, WORKER, "/identifications", asked)).json()["identification"]
    await post(found, LAWYER, f"/identifications/{who}/author", {"day": day, "name": "Jean Dupont"})
    said = await get(found, VICTIM, f"{API}/authors/{who}")
    assert (said.status_code, said.json()["code"]) == (409, "identity-not-proven")


async def test_hearings_are_moved_and_ended_and_shown_with_their_place():
    found = desk()
    asked = {"kind": "trial", "day": days(20).isoformat(), "details": {"hour": "09:30", "court": "Lyon", "room": "3"}}
    hearing = (await post(found, WORKER, "/hearings", asked)).json()["hearing"]
    moved = await post(found, WORKER, f"/hearings/{hearing}/move", {"day": days(30).isoformat()})
    assert moved.status_code == 201
    [shown] = (await get(found, VICTIM, API)).json()["hearings"]
    assert (shown["status"], shown["court"], shown["hour"]) == ("moved", "Lyon", "09:30")
    assert (await post(found, WORKER, f"/hearings/{hearing}/end", {"status": "cancelled"})).status_code == 201


async def test_a_hearing_in_the_past_is_refused_clearly():
    said = await post(desk(), WORKER, "/hearings", {"kind": "trial", "day": days(-1).isoformat()})
    assert said.status_code == 422
    assert (said.json()["code"], said.json()["field"]) == ("hearing-in-past", "day")


async def test_a_filing_in_the_future_is_refused_clearly():
    found = desk(before=affairs.approved)
    said = await post(found, WORKER, "/complaints/complaint-1/filing", {**FILING, "day": days(1).isoformat()})
    assert (said.status_code, said.json()["code"]) == (422, "day-in-future")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "trial", "day": "2026-12-01", "secret-word": 1}, "secret-word"),
        ({"kind": "trial", "day": "tomorrow"}, "day"),
        ({"kind": "party", "day": "2026-12-01"}, "kind"),
        ({"day": "2026-12-01"}, "kind"),
    ],
)
async def test_a_body_that_does_not_fit_is_refused_by_its_field(body, field):
    said = await post(desk(), WORKER, "/hearings", body)
    assert said.status_code == 422
    assert said.json()["field"] == field
    assert "tomorrow" not in said.text


async def test_a_body_that_is_no_json_is_refused():
    async with client(desk(), WORKER) as http:
        said = await http.post(f"{API}/hearings", content=b"{")
    assert (said.status_code, said.json()["code"]) == (400, "unreadable-json")


async def test_particulars_that_cannot_be_are_refused_before_any_job():
    found = desk()
    body = {"procedure": "simple", "particulars": {"acts": [{"act": "act-9"}]}}
    said = await post(found, WORKER, "/complaints", body)
    assert (said.status_code, said.json()["field"]) == (422, "particulars.acts.0.act")
    assert not found.found.jobs


async def test_particulars_too_long_for_one_sending_are_refused():
    said = await post(desk(), WORKER, "/complaints", {"procedure": "simple", "particulars": {"summary": "é" * 20_000}})
    assert (said.status_code, said.json()["code"]) == (422, "too-long")


async def test_a_new_draft_of_an_unknown_complaint_finds_nothing():
    said = await post(desk(), WORKER, "/complaints/complaint-9/drafts", {"procedure": "simple"})
    assert said.status_code == 404
    assert (await get(desk(), WORKER, f"{API}/complaints/complaint-9")).status_code == 404
    assert (await get(desk(), WORKER, f"{API}/complaints/%20")).status_code == 404
    assert (await post(desk(), WORKER, "/complaints/%20/filing", FILING)).status_code == 404


async def test_the_next_draft_has_the_next_number():
    found = desk(before=affairs.approved)
    said = await post(found, WORKER, "/complaints/complaint-1/drafts", {"procedure": "simple"})
    assert said.json() == {"complaint": "complaint-1", "draft": 2}


async def test_the_same_request_twice_is_done_once():
    found = desk()
    key = {"Idempotency-Key": "one-and-the-same-key"}
    body = {"kind": "trial", "day": days(20).isoformat()}
    first = await post(found, WORKER, "/hearings", body, **key)
    again = await post(found, WORKER, "/hearings", body, **key)
    assert first.json() == again.json()
    assert len(found.found.state.hearings) == 1
    other = await post(found, WORKER, "/hearings", {**body, "kind": "civil"}, **key)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency-key-reused")


# Who may


@pytest.mark.parametrize("who", [VICTIM, ("somebody", "lawyer", None), ("other", "case-worker", None)])
async def test_nobody_outside_the_assigned_team_commands(who):
    said = await post(desk(), who, "/hearings", {"kind": "trial", "day": days(20).isoformat()})
    assert said.status_code == 404


async def test_a_case_worker_does_not_approve():
    found = desk()
    assert (await post(found, WORKER, "/diagnoses", {"solidity": "A", "options": ["wait"]})).status_code == 404


async def test_another_case_shows_nothing_even_to_the_team():
    for path in ("/legal/cases/other", "/legal/api/cases/other", "/legal/api/cases/other/proposal"):
        assert (await get(desk(), LAWYER, path)).status_code == 404


async def test_without_a_session_nothing_is_shown():
    found = desk()
    async with client(found, VICTIM) as http:
        del http.headers["authorization"]
        assert (await http.get(API)).status_code == 401


async def test_a_session_ahead_of_the_fold_is_asked_to_wait():
    said = await get(desk(), ("holder-victim", "victim", CASE, 99), API)
    assert (said.status_code, said.headers["retry-after"]) == (503, "1")


async def test_a_proposal_is_for_the_team():
    found = desk()
    said = await get(found, WORKER, f"{API}/proposal")
    assert {"eligibility", "candidates", "limits", "press", "feasibility", "procedures"} <= said.json().keys()
    assert (await get(found, VICTIM, f"{API}/proposal")).status_code == 404


async def test_the_team_sees_the_numbers_that_a_draft_gives_its_exhibits():
    found = desk()
    found.exhibits(affairs.uploaded("b", declared_day=None), affairs.uploaded("c", declared_day=date(2026, 1, 1)))
    said = await get(found, LAWYER, f"{API}/exhibits")
    assert [(one["number"], one["exhibit"], one["day"]) for one in said.json()] == [
        (1, "c", "2026-01-01"),
        (2, "b", None),
    ]
    assert "sealed" not in said.text
    assert (await get(found, VICTIM, f"{API}/exhibits")).status_code == 404


async def test_what_the_team_reads_is_in_the_persons_ledger_and_what_she_reads_is_not():
    found = desk()
    await get(found, VICTIM, PAGE)
    assert "record-viewed" not in affairs.names(found.found.events)
    await get(found, WORKER, f"{API}/proposal")
    await get(found, LAWYER, PAGE)
    viewed = [(one.viewer, one.role, one.record) for one in found.found.events if one.name == "record-viewed"]
    assert viewed == [("claire", "case-worker", "diagnosis"), ("maitre-durand", "lawyer", "diagnosis")]


# The page


async def test_the_page_says_days_left_rules_and_that_a_lawyer_confirms():
    page = (await get(desk(act(day=days(-20))), VICTIM, PAGE, accept="text/html")).text
    assert "Il reste 72 jours" in page
    assert "Loi du 29 juillet 1881, art. 65" in page
    assert "à confirmer par un avocat" in page
    assert "Porter plainte" in page


async def test_the_page_before_a_diagnosis_says_what_happens():
    page = (await get(desk(act(), before=case), VICTIM, PAGE)).text
    assert "L’équipe étudie votre situation" in page


async def test_the_page_speaks_english_when_asked():
    page = (await get(desk(), VICTIM, f"{PAGE}?lang=en")).text
    assert "days left" in page
    assert "to be confirmed by a lawyer" in page


async def test_the_page_of_a_whole_procedure_has_every_part_in_words():
    found = desk(act(kind="threat"), before=affairs.filed)
    found.found.when(affairs.answer(said="closed"))
    found.found.when(
        affairs.hearing(day=TODAY, sealed_details=closed({"court": "Lyon", "room": "3", "n": 1}, "contact"))
    )
    found.found.when(affairs.judgment())
    day = TODAY.isoformat()
    removal = (
        await post(found, WORKER, "/removals", {"step": "regulator", "day": day, "url": "https://x.test/1"})
    ).json()
    await post(found, WORKER, f"/removals/{removal['removal']}/answers", {"answer": "removed", "day": day})
    kept = {"data": "technical", "act": "act-1", "day": day, "platform": "Forum", "account": "troll"}
    await post(found, WORKER, "/preservations", kept)
    asked = {"author": "author-1", "authority": "police", "data": "technical", "day": day}
    await post(found, WORKER, "/identifications", asked)
    page = (await get(found, VICTIM, PAGE)).text
    for part in ("Plainte simple", "Déposée", "Classée sans suite", "audience de jugement", "Lyon", "condamnation"):
        assert part in page
    for part in ("Retrait signalé au régulateur", "contenu retiré", "n’oblige personne", "en attente", "trop tardive"):
        assert part in page
    assert "1\u202f200,00" in page or "1\xa0200,00" in page or "1 200,00" in page


async def test_the_page_of_an_affair_that_does_not_fit_gives_reason_and_another_way():
    page = (await get(desk(authors_at_least=40, authors_at_most=90), VICTIM, PAGE)).text
    assert "Les auteurs sont trop nombreux." in page
    assert "association partenaire" in page
    assert "vous pouvez les emporter" in page


async def test_the_page_of_a_case_without_a_limit_left_says_so():
    page = (await get(desk(act(kind="threat", day=days(-4000))), VICTIM, PAGE)).text
    assert "Aucun délai connu" in page


async def test_every_word_that_the_contracts_know_has_its_text():
    """A page never fails on a word that an event may carry."""
    from typing import get_args

    from services.legal.api import TEMPLATES
    from services.legal.domain import complaint, diagnosis, hearings, judgment, requests
    from shared.contracts import legal
    from shared.web.pages import read_texts

    texts = read_texts(TEMPLATES / "texts.toml")["fr"]
    words = {
        "option": get_args(diagnosis.Option),
        "hearing": get_args(hearings.Kind),
        "status": get_args(hearings.Status),
        "procedure": get_args(legal.Procedure),
        "data": get_args(legal.DataClass),
        "verdict": get_args(legal.Feasibility.model_fields["verdict"].annotation),
        "solidity": get_args(diagnosis.ApproveDiagnosis.model_fields["solidity"].annotation),
        "step": get_args(complaint.AnswerComplaint.model_fields["answer"].annotation),
        "outcome": get_args(judgment.GiveJudgment.model_fields["outcome"].annotation),
        "removal": get_args(requests.RequestRemoval.model_fields["step"].annotation),
        "removal_answer": get_args(requests.AnswerRemoval.model_fields["answer"].annotation),
        "reason": ("authors-too-many", "authors-may-be-too-many", "authors-not-known", "time-barred"),
    }
    assert not [f"{kind}_{word}" for kind, known in words.items() for word in known if f"{kind}_{word}" not in texts]


# Documents


async def drafted(particulars=None):
    found = desk()
    told = (particulars or Particulars()).model_dump(mode="json", exclude_defaults=True)
    found.found.when(affairs.drafting(sealed_particulars=closed(told)))
    told_by_the_person(found)
    await typeset(found)
    return found


def told_by_the_person(found):
    found.found.facts(
        CaseUpdated(
            facets=affairs.facets(),
            sealed_contact=closed({"last_name": "Perrin"}, "contact"),
            sealed_facts=closed({"account": "Récit."}),
            sealed_authors=closed({}, "authors"),
        )
    )


async def test_the_document_is_downloaded_as_a_file_and_the_reading_is_in_the_ledger():
    found = await drafted()
    said = await get(found, VICTIM, f"{PAGE}/complaints/complaint-1.pdf")
    assert said.content.startswith(b"%PDF")
    assert said.headers["content-disposition"] == 'attachment; filename="document-1.pdf"'
    [viewed] = [one for one in found.found.events if one.name == "record-viewed"]
    assert (viewed.record, viewed.record_id, viewed.role) == ("complaint", "complaint-1", "victim")


async def test_an_unknown_document_is_not_found_and_nothing_is_written():
    found = await drafted()
    assert (await get(found, VICTIM, f"{PAGE}/complaints/complaint-9.pdf")).status_code == 404
    found.objects.held.clear()
    assert (await get(found, VICTIM, f"{PAGE}/complaints/complaint-1.pdf")).status_code == 404
    assert "record-viewed" not in affairs.names(found.found.events)


async def test_a_version_for_signature_is_the_teams_until_it_is_approved():
    found = await drafted(Particulars(signature=Signature(lawyer="Maître Durand", bar="Lyon")))
    path = f"{PAGE}/complaints/complaint-1.pdf"
    said = await get(found, VICTIM, path)
    assert (said.status_code, said.json()["code"]) == (409, "not-approved")
    assert (await get(found, LAWYER, path)).status_code == 200
    found.found.when(affairs.approval(commitment=found.found.state.complaints["complaint-1"].draft.commitment))
    assert (await get(found, VICTIM, path)).status_code == 200


async def test_after_an_erasure_nothing_is_found():
    found = await drafted()
    found.found.facts(CaseErased(erasure="e-1", certificate="d" * 64))
    for path in (PAGE, API, f"{PAGE}/complaints/complaint-1.pdf"):
        assert (await get(found, VICTIM, path)).status_code == 404


async def test_a_case_whose_keys_are_gone_says_so():
    found = await drafted()
    found.destroyed = True
    assert (await get(found, VICTIM, f"{PAGE}/complaints/complaint-1.pdf")).status_code == 410


async def test_a_draft_under_way_is_said_to_be():
    found = desk()
    complaint = (await post(found, WORKER, "/complaints", {"procedure": "simple"})).json()["complaint"]
    found.store.jobs[f"legal/case/{CASE}:typeset-complaint:{complaint}.1"] = {}
    said = (await get(found, WORKER, f"{API}/complaints/{complaint}")).json()
    assert (said["draft"], said["typesetting"]) == (0, True)


# Partners' notices


async def test_a_courts_notice_waits_for_the_team_to_confirm_it():
    found = desk()
    message = CourtNotice(
        id="m-1", partner="court", case=CASE, kind="trial", status="scheduled", day=days(30), sealed_details="YWdl"
    )
    found.outside.waiting["court/m-1"] = message
    [waiting] = (await get(found, WORKER, f"{API}/notices")).json()
    assert waiting["message"] == "court/m-1"
    assert "sealed_details" not in waiting["content"]
    said = await post(found, WORKER, "/notices/confirmation", {"message": "court/m-1"})
    assert (said.status_code, found.outside.confirmed) == (204, ["court/m-1"])
    assert (await post(found, WORKER, "/notices/confirmation", {"message": "court/m-9"})).status_code == 404
    assert (await post(found, VICTIM, "/notices/confirmation", {"message": "court/m-1"})).status_code == 404


async def test_the_api_describes_itself():
    described = (await get(desk(), WORKER, "/legal/api/openapi.json")).json()
    assert "requestBody" in described["paths"]["/legal/api/cases/{case}/hearings"]["post"]
