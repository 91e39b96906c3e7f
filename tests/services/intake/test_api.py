from __future__ import annotations

import asyncio
import hashlib
from contextlib import aclosing
from datetime import timedelta
from typing import Any

import httpx
import pytest

from shared import clock
from shared.contracts.everyone import ErasureCleared, ErasureObjected, RecordViewed
from shared.contracts.legal import DeadlineThreatened, HoldPlaced
from shared.trust.receipts import check
from shared.web.application import application

PASSPHRASE = "quatre mots bien choisis"
OPENING: Any = {
    "persona": "victim",
    "acts": [{"kind": "insult", "day": "2026-01-05", "public": True}],
    "facts": {"account": "Ils m'écrivent chaque jour.", "ground": "sexual-orientation"},
    "contact": {"email": "camille@exemple.fr"},
    "authors": [{"handle": "pseudo42"}],
    "passphrase": PASSPHRASE,
}
SERVICES = ("evidence", "legal", "billing", "notify")


@pytest.fixture
async def web(standing):
    async with client(standing) as one:
        yield one


def client(standing):
    transport = httpx.ASGITransport(app=application(standing))
    return httpx.AsyncClient(transport=transport, base_url="http://intake.test")


async def opened(web, **other):
    answer = await web.post("/api/cases", json={**OPENING, **other})
    assert answer.status_code == 201, answer.text
    return answer.json()


def bearer(session):
    return {"Authorization": f"Bearer {session['session']}"}


async def joined(standing, code):
    """Another person's browser, who accepts an invitation."""
    other = client(standing)
    answer = await other.post("/api/invitations/accept", json={"code": code})
    assert answer.status_code == 200, answer.text
    return other, answer.json()


async def on_the_team(standing, name="claire", role="case-worker"):
    await standing.keyring.enrol(name, role, "une longue phrase d'équipe")
    desk = client(standing)
    answer = await desk.post("/api/sessions/staff", json={"name": name, "passphrase": "une longue phrase d'équipe"})
    assert answer.status_code == 200, answer.text
    return desk


async def test_opening_gives_a_code_once_a_session_and_the_partner_who_fits(web, standing):
    told = await opened(web)
    assert told["scope"] == ["code", "full"]
    assert [one["id"] for one in told["partners"]] == ["sos-homophobie"]
    assert standing.names() == ["case-opened", "access-granted"]
    body = "".join(one.event.model_dump_json() for one in standing.events)
    for secret in ("camille", "pseudo42", "chaque jour", "orientation", told["code"], PASSPHRASE):
        assert secret not in body


async def test_the_same_opening_sent_twice_opens_one_case_and_shows_the_same_code(web, standing):
    headers = {"Idempotency-Key": "0123456789abcdef0"}
    answers = []
    for _ in range(2):
        web.cookies.clear()  # who did not get the answer has no cookie of it
        answers.append(await web.post("/api/cases", json=OPENING, headers=headers))
    assert answers[0].json()["code"] == answers[1].json()["code"]
    assert standing.names().count("case-opened") == 1


async def test_danger_shows_numbers_escalates_and_says_that_nobody_is_there(web, standing):
    told = await opened(web, facts={"dangers": ["suicide"]})
    assert told["numbers"][0]["number"] == "3114"
    assert told["somebody_on_call"] is False
    assert standing.names() == ["case-opened", "access-granted", "case-escalated"]
    read = await web.get(f"/api/cases/{told['case']}")
    assert read.json()["urgency"] == "critical"


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"acts": [{"kind": "insult", "day": "2999-01-01"}]}, "day-in-future", "acts.0.day"),
        ({"contact": {"birth_day": "2999-01-01"}}, "day-in-future", "contact.birth_day"),
        ({"persona": "passer-by"}, "invalid-field", "persona"),
        ({"surprise": 1}, "invalid-field", "surprise"),
        ({"authors_at_least": 5, "authors_at_most": 2}, "range-upside-down", "authors_at_most"),
        ({"on_behalf": True}, "victim-on-behalf", "on_behalf"),
        ({"passphrase": "court"}, "weak-passphrase", "passphrase"),
        ({"facts": {"account": "é" * 12_000, "urls": ["https://a.fr/" + "x" * 480] * 20}}, "too-long", "facts.account"),
    ],
)
async def test_bad_input_is_refused_with_a_code_a_field_and_what_to_do(web, standing, change, code, field):
    answer = await web.post("/api/cases", json={**OPENING, **change})
    problem = answer.json()
    assert answer.status_code == 422
    assert (problem["code"], problem["field"]) == (code, field)
    assert problem["detail"]
    assert not standing.events
    assert not standing.keyring.cases


async def test_json_that_is_huge_is_refused(web, standing):
    answer = await web.post("/api/cases", json={**OPENING, "facts": {"account": "x" * 70_000}})
    assert answer.status_code == 413
    assert not standing.events


async def test_a_locator_drawn_twice_is_drawn_again(web, standing, monkeypatch):
    from services.intake import codes

    first = codes.draw()
    drawn = iter([first, first, codes.draw()])
    monkeypatch.setattr(codes, "draw", lambda: next(drawn))
    one, two = await opened(web), await opened(web)
    assert one["code"] != two["code"]
    assert len(standing.keyring.cases) == 8


async def test_the_code_alone_reads_the_next_step_and_not_the_content(web, standing):
    told = await opened(web)
    async with client(standing) as other:
        answer = await other.post("/api/sessions", json={"code": told["code"].lower().replace("-", " ")})
        assert answer.json()["scope"] == ["code"]
        dossier = (await other.get(f"/api/cases/{told['case']}")).json()
        assert dossier["next_step"]["code"] == "add-evidence"
        assert dossier["locked"] == ["facts", "contact", "authors"]
        assert "facts" not in dossier
        for path, body in (("invitations", {"role": "witness"}), ("erasure", {})):
            refused = await other.post(f"/api/cases/{told['case']}/{path}", json=body)
            assert (refused.status_code, refused.json()["code"]) == (409, "passphrase-needed")
        refused = await other.post(f"/api/cases/{told['case']}/passphrase", json={"passphrase": "une autre phrase"})
        assert refused.json()["code"] == "passphrase-needed"


async def test_the_passphrase_opens_the_content(web, standing):
    told = await opened(web)
    async with client(standing) as other:
        answer = await other.post("/api/sessions", json={"code": told["code"], "passphrase": PASSPHRASE})
        assert answer.json()["scope"] == ["code", "full"]
        dossier = (await other.get(f"/api/cases/{told['case']}")).json()
        assert dossier["facts"]["account"] == OPENING["facts"]["account"]
        assert dossier["contact"]["email"] == "camille@exemple.fr"
        assert dossier["authors"]["authors"] == [{"handle": "pseudo42"}]


async def test_the_first_passphrase_is_set_with_the_code_and_ends_the_sessions_before_it(web, standing):
    told = await opened(web, passphrase=None)
    async with client(standing) as other:
        await other.post("/api/sessions", json={"code": told["code"]})
        answer = await web.post(f"/api/cases/{told['case']}/passphrase", json={"passphrase": PASSPHRASE})
        assert answer.json()["scope"] == ["code", "full"]
        assert (await other.post("/api/sessions/renew")).status_code == 404
    assert (await web.post("/api/sessions/renew")).status_code == 200


async def test_an_unknown_code_a_wrong_one_and_a_wrong_passphrase_answer_alike(web, standing):
    from services.intake import codes

    told = await opened(web)
    known = codes.read(told["code"])
    bodies = (
        {"code": codes.draw().written()},
        {"code": codes.Code(known.locator, codes.draw().secret).written()},
        {"code": told["code"], "passphrase": "une mauvaise phrase"},
    )
    answers = [await web.post("/api/sessions", json=body) for body in bodies]
    assert {(one.status_code, one.text) for one in answers} == {(404, answers[0].text)}
    assert answers[0].json()["code"] == "wrong-code"


async def test_too_many_tries_are_refused_whether_the_code_exists_or_not(web):
    from services.intake import codes

    code = codes.draw().written()
    answers = [await web.post("/api/sessions", json={"code": code}) for _ in range(9)]
    assert [one.status_code for one in answers] == [404] * 8 + [429]
    assert answers[-1].json()["code"] == "too-many-attempts"
    assert answers[-1].headers["retry-after"] == "900"


async def test_a_mistyped_code_says_so(web):
    answer = await web.post("/api/sessions", json={"code": "RECOURS-AAAA-AAAA-AAAA-AAAA-AAAB"})
    assert answer.json()["code"] == "code-mistyped"


async def test_a_witness_opens_the_victim_takes_over_and_sees_who_reads(web, standing):
    told = await opened(web, persona="witness", on_behalf=True)
    case = told["case"]
    dossier = (await web.get(f"/api/cases/{case}")).json()
    assert dossier["next_step"]["code"] == "invite-victim"
    assert dossier["taken_over"] is False
    refused = await web.post(f"/api/cases/{case}/invitations", json={"role": "institution"})
    assert refused.json()["code"] == "role-not-yours"
    invited = (await web.post(f"/api/cases/{case}/invitations", json={"role": "victim"})).json()
    first = await web.post("/api/sessions", json={"code": invited["code"]})
    assert first.json()["code"] == "accept-first"
    victim, _ = await joined(standing, invited["code"])
    async with aclosing(victim):
        await victim.post(f"/api/cases/{case}/passphrase", json={"passphrase": PASSPHRASE})
        dossier = (await victim.get(f"/api/cases/{case}")).json()
        assert dossier["taken_over"] is True
        assert [one["role"] for one in dossier["people"] if one["you"]] == ["victim"]
        # The witness is the opener no more: narrow view, and what they wrote is the victim's.
        assert (await web.get(f"/api/cases/{case}")).json()["sections"] == ["next-step", "evidence"]
        standing.hear(case, RecordViewed(viewer="maitre", role="lawyer", record="diagnosis"), source="legal")
        read = (await victim.get(f"/api/cases/{case}/readings")).json()["readings"]
        told = {(one["source"], one["role"]) for one in read}
        assert told == {("legal", "lawyer"), ("intake", "witness")}


async def test_somebody_who_is_not_safe_is_frozen_and_sees_what_an_absent_case_shows(web, standing):
    told = await opened(web)
    case = told["case"]
    invited = (await web.post(f"/api/cases/{case}/invitations", json={"role": "guardian"})).json()
    guardian, _ = await joined(standing, invited["code"])
    async with aclosing(guardian):
        assert (await guardian.get(f"/api/cases/{case}")).json()["next_step"]["code"] == "wait-authority"
        done = await web.post(f"/api/cases/{case}/accesses/{invited['access']}/freeze")
        assert done.status_code == 204
        gone, absent = await guardian.get(f"/api/cases/{case}"), await web.get("/api/cases/nothing")
        assert (gone.status_code, gone.text) == (absent.status_code, absent.text) == (404, absent.text)
        again = await guardian.post("/api/sessions", json={"code": invited["code"]})
        assert again.json()["code"] == "wrong-code"
        assert (await guardian.post("/api/sessions/renew")).status_code == 404
        assert (await guardian.post("/api/invitations/accept", json={"code": invited["code"]})).status_code == 404


async def test_somebody_else_sees_nothing_and_nobody_is_told_why(web, standing):
    one = await opened(web)
    async with client(standing) as other:
        two = await opened(other)
        assert (await other.get(f"/api/cases/{one['case']}")).status_code == 404
        assert (await other.get("/api/team/cases")).status_code == 404
        assert (await other.patch(f"/api/cases/{one['case']}", json={"spreading": True})).status_code == 404
        assert (await other.get(f"/api/cases/{two['case']}")).status_code == 200
    async with client(standing) as nobody:
        assert (await nobody.get(f"/api/cases/{one['case']}")).status_code == 401
        assert (await nobody.get("/api/team/cases")).status_code == 401


async def test_changing_raises_the_urgency_and_keeps_the_acts_ids(web, standing):
    told = await opened(web)
    path = f"/api/cases/{told['case']}"
    before = (await web.get(path)).json()["facets"]["acts"]
    change = {"spreading": True, "more_acts": [{"kind": "sexual-deepfake", "day": "2026-01-06"}], "minor": None}
    after = (await web.patch(path, json=change)).json()
    assert after["urgency"] == "critical"
    assert after["facets"]["acts"][:1] == before
    assert len(after["facets"]["acts"]) == 2
    many = [{"kind": "insult", "day": "2026-01-06"}] * 100
    await web.patch(path, json={"acts": many})
    refused = await web.patch(path, json={"acts": many, "more_acts": [*many, *many[:1]][:100]})
    assert refused.status_code == 200
    refused = await web.patch(path, json={"more_acts": many[:1]})
    assert refused.json()["code"] == "too-many-acts"


async def test_two_invitations_at_once_both_open(web, standing):
    told = await opened(web)
    path = f"/api/cases/{told['case']}/invitations"
    answers = await asyncio.gather(*(web.post(path, json={"role": "witness"}) for _ in range(3)))
    for answer in answers:
        other, session = await joined(standing, answer.json()["code"])
        assert session["role"] == "witness"
        await other.aclose()


async def test_the_team_lists_takes_checks_and_closes_and_its_readings_are_recorded(web, standing):
    told = await opened(web, persona="guardian", on_behalf=True, minor=True)
    case = told["case"]
    assert told["role"] == "witness"
    async with aclosing(await on_the_team(standing)) as desk:
        rows = (await desk.get("/api/team/cases")).json()["cases"]
        assert [(row["case"], row["next_step"]) for row in rows] == [(case, "team-wait-takeover")]
        assert (await desk.get(f"/api/cases/{case}")).status_code == 404
        wrong = await desk.post(f"/api/team/cases/{case}/assign", json={"role": "lawyer"})
        assert wrong.json()["code"] == "not-of-the-team"
        assert (await desk.post(f"/api/team/cases/{case}/assign", json={"role": "case-worker"})).status_code == 200
        early = await desk.post(f"/api/team/cases/{case}/identity", json={"means": "in-person"})
        assert early.json()["code"] == "not-taken-over"
        people = (await desk.get(f"/api/cases/{case}")).json()["people"]
        access = next(one["access"] for one in people if one.get("authority") is False)
        row = (await desk.post(f"/api/team/cases/{case}/authority/{access}")).json()
        assert row["taken_over"] is True
        assert (await desk.post(f"/api/team/cases/{case}/identity", json={"means": "in-person"})).status_code == 200
        assert (await web.post("/api/sessions/renew")).json()["role"] == "guardian"
        assert "facts" not in (await web.get(f"/api/cases/{case}")).json()["sections"]
        closed = await desk.post(f"/api/team/cases/{case}/close", json={"reason": "solved"})
        assert closed.json()["closed"] is True
        assert (await desk.post("/api/sessions/renew")).json()["scope"] == ["team"]
    viewed = [one.event.record for one in standing.events if one.name == "record-viewed"]
    assert viewed == ["dossier", "contact", "dossier"]


async def test_a_team_member_with_a_wrong_passphrase_or_without_a_desk_is_refused(web, standing):
    await standing.keyring.enrol("admin", "admin", "une longue phrase d'équipe")
    wrong = await web.post("/api/sessions/staff", json={"name": "admin", "passphrase": "mauvaise"})
    assert wrong.status_code == 404
    body = {"name": "admin", "passphrase": "une longue phrase d'équipe"}
    assert (await web.post("/api/sessions/staff", json=body)).json()["code"] == "no-desk"


async def test_an_accountant_gives_parts_of_a_case_to_nobody_else(web, standing):
    told = await opened(web)
    await standing.keyring.enrol("claire", "case-worker", "une longue phrase d'équipe")
    async with aclosing(await on_the_team(standing, "paul", "accountant")) as desk:
        path = f"/api/team/cases/{told['case']}/assign"
        assert (await desk.post(path, json={"role": "case-worker", "staff": "claire"})).status_code == 404
        assert (await desk.post(path, json={"role": "accountant"})).status_code == 200


async def test_erasure_destroys_the_keys_once_all_have_cleared_and_leaves_a_certificate(web, standing):
    told = await opened(web)
    case = told["case"]
    asked = (await web.post(f"/api/cases/{case}/erasure", json={})).json()
    erasure, certificate = asked["erasure"], asked["certificate"]
    assert (await web.get(f"/api/cases/{case}/erasures/{erasure}")).json()["status"] == "under-way"
    assert (await web.get(certificate)).status_code == 404
    for source in SERVICES:
        assert await standing.work() == 0
        standing.hear(case, ErasureCleared(erasure=erasure, kept={"invoices": 1}), source=source)
    assert await standing.work() == 1
    assert not standing.keyring.cases
    text = (await web.get(certificate)).text
    claims = check(text, standing.keys)
    assert claims["case"] == case
    assert sorted(claims["cleared"]) == sorted(SERVICES)
    assert standing.events[-1].event.certificate == hashlib.sha256(text.encode()).hexdigest()
    assert (await web.get(f"/api/cases/{case}")).status_code == 404
    assert (await web.post("/api/sessions", json={"code": told["code"]})).json()["code"] == "wrong-code"
    # A job that ran twice finds its certificate again.
    again = await standing.service.worker("destroy-keys").run(
        __import__("types").SimpleNamespace(case=case, subject=erasure), standing
    )
    assert again[0].certificate == standing.events[-1].event.certificate


async def test_an_objection_stops_the_erasure_and_the_person_sees_why(web, standing):
    case = (await opened(web))["case"]
    erasure = (await web.post(f"/api/cases/{case}/erasure", json={})).json()["erasure"]
    for source in SERVICES:
        standing.hear(case, ErasureCleared(erasure=erasure), source=source) if source != "legal" else None
    standing.hear(case, ErasureObjected(erasure=erasure, reason="judicial-hold"), source="legal")
    assert await standing.work() == 0
    status = (await web.get(f"/api/cases/{case}/erasures/{erasure}")).json()
    assert status["status"] == "stopped"
    assert status["objections"] == [{"source": "legal", "reason": "judicial-hold"}]
    assert len(standing.keyring.cases) == 4


async def test_a_hold_refuses_the_erasure_with_its_reason(web, standing):
    case = (await opened(web))["case"]
    standing.hear(case, HoldPlaced(hold="h1", reason="judicial-hold"))
    refused = await web.post(f"/api/cases/{case}/erasure", json={})
    assert (refused.status_code, refused.json()["code"]) == (409, "erasure-held")
    assert "judicial-hold" in refused.json()["detail"]


async def test_a_near_deadline_shows_in_the_dossier(web, standing):
    case = (await opened(web))["case"]
    day = clock.paris_day(clock.now()) + timedelta(days=30)
    standing.hear(case, DeadlineThreatened(deadline="d1", kind="press-limit", last_day=day))
    dossier = (await web.get(f"/api/cases/{case}")).json()
    assert dossier["urgency"] == "high"
    assert {"day": day.isoformat(), "what": "deadline-threatened", "detail": "press-limit"} in dossier["timeline"]


async def test_leaving_takes_the_cookies_away(web):
    told = await opened(web)
    assert web.cookies
    assert (await web.delete("/api/sessions")).status_code == 204
    assert (await web.get(f"/api/cases/{told['case']}")).status_code == 401


async def test_a_forged_refresh_renews_nothing(web):
    told = await opened(web)
    forged = client_cookies(told["session"])
    assert (await web.post("/api/sessions/renew", headers=forged)).status_code == 404


def client_cookies(value):
    return {"Cookie": f"recours_refresh={value}"}


async def test_a_session_sat_idle_is_over(web, standing, monkeypatch):
    await opened(web)
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(minutes=31))
    assert (await web.post("/api/sessions/renew")).status_code == 404


async def test_an_access_that_was_revoked_is_over(web, standing):
    told = await opened(web)
    invited = (await web.post(f"/api/cases/{told['case']}/invitations", json={"role": "witness"})).json()
    other, _ = await joined(standing, invited["code"])
    async with aclosing(other):
        left = await other.delete(f"/api/cases/{told['case']}/accesses/{invited['access']}")
        assert left.status_code == 204
        assert (await other.get(f"/api/cases/{told['case']}")).status_code == 404


async def test_numbers_put_the_danger_first(web):
    answer = (await web.get("/api/numbers", params={"danger": "sextortion"})).json()
    assert answer["numbers"][0]["id"] == "3018"


async def test_an_unknown_danger_is_refused_rather_than_answered_with_nothing(web):
    answer = await web.get("/api/numbers", params={"danger": "weather"})
    assert answer.status_code == 422
    assert len((await web.get("/api/numbers")).json()["numbers"]) == 7
