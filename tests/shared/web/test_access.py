from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from fastapi import APIRouter, Request

from shared import clock
from shared.contracts.intake import AccessRevoked, CaseAssigned, CaseErased
from shared.trust.sessions import issue_session
from shared.trust.signing import generate
from shared.web.access import seen, viewer
from tests.given import CASE
from tests.shared.web.stand_in import Running, Seen, bearer, case_file, client, granted, routed, service, token

OTHER = "22222222-2222-4222-8222-222222222222"


def add(router: APIRouter, running: Any) -> None:
    @router.get("/legal/api/cases/{case}")
    @router.get("/legal/cases/{case}")
    async def one(request: Request, case: str) -> dict[str, str]:
        session, state = await seen(running, request, case, roles={"victim", "lawyer"})
        return {"sub": session.sub, "upto": str(state.file.upto)}

    @router.post("/legal/cases/{case}/choice")
    async def choice(request: Request, case: str) -> dict[str, str]:
        session, _ = await seen(running, request, case)
        return {"sub": session.sub, "body": (await request.body()).decode()}

    @router.get("/legal/api/any/{case}")
    async def anyone(request: Request, case: str) -> dict[str, str]:
        session, _ = await seen(running, request, case)
        return {"sub": session.sub}

    @router.get("/legal/api/me")
    async def me(request: Request) -> dict[str, str | None]:
        session = viewer(request)
        return {"sub": session.sub if session else None}


@pytest.fixture
async def legal():
    running = Running(service("legal", routed(add)))
    running.states["case", CASE] = Seen(file=case_file(granted()))
    async with client(running) as http:
        http.running = running
        yield http


async def test_the_person_sees_their_case_by_token_or_cookie(legal):
    assert (await legal.get(f"/legal/api/cases/{CASE}", headers=bearer())).json() == {"sub": "holder-1", "upto": "2"}
    cookie = {"Cookie": f"recours_session={token()}"}
    assert (await legal.get(f"/legal/api/cases/{CASE}", headers=cookie)).status_code == 200


async def test_without_a_session_one_is_asked_to_sign_in_whatever_is_there(legal):
    for case in (CASE, OTHER):
        answer = await legal.get(f"/legal/api/cases/{case}")
        assert answer.status_code == 401
        assert answer.json()["code"] == "sign-in-first"
        assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_session_that_has_run_out_says_so(legal):
    answer = await legal.get(f"/legal/api/cases/{CASE}", headers=bearer(ago=timedelta(minutes=6)))
    assert answer.status_code == 401
    assert answer.json()["code"] == "session-expired"


async def test_a_token_that_intake_did_not_sign_is_no_session(legal):
    forger = generate("intake", clock.now() - timedelta(hours=1))
    forged = issue_session(forger, sub="holder-1", role="victim", case_id=CASE, sequence=1, now=clock.now())
    for text in (forged, "nonsense"):
        headers = {"Authorization": f"Bearer {text}"}
        assert (await legal.get("/legal/api/me", headers=headers)).json() == {"sub": None}
        assert (await legal.get(f"/legal/api/cases/{CASE}", headers=headers)).status_code == 401


async def test_a_scheme_that_is_not_bearer_is_no_session(legal):
    assert (await legal.get("/legal/api/me", headers={"Authorization": f"Basic {token()}"})).json() == {"sub": None}


async def test_a_service_that_is_behind_the_session_asks_to_come_back(legal):
    answer = await legal.get(f"/legal/api/cases/{CASE}", headers=bearer(sequence=3))
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"


async def test_absent_and_forbidden_answer_alike(legal):
    absent = await legal.get(f"/legal/api/cases/{OTHER}", headers=bearer(case=OTHER, sequence=0))
    foreign = await legal.get(f"/legal/api/cases/{OTHER}", headers=bearer())
    stranger = await legal.get(f"/legal/api/cases/{CASE}", headers=bearer(sub="holder-9"))
    assert {one.status_code for one in (absent, foreign, stranger)} == {404}
    assert absent.json() == foreign.json() == stranger.json()


@pytest.mark.parametrize(
    "events",
    [
        (granted(status="invited"),),
        (granted(status="frozen"),),
        (granted(), AccessRevoked(access="access-1")),
        (granted(), CaseErased(erasure="erasure-1", certificate="0" * 64)),
        (granted(role="witness"),),
    ],
)
async def test_who_may_not_see_it_now_does_not(legal, events):
    legal.running.states["case", CASE] = Seen(file=case_file(*events))
    assert (await legal.get(f"/legal/api/cases/{CASE}", headers=bearer())).status_code == 404


async def test_any_role_is_enough_where_none_is_named(legal):
    legal.running.states["case", CASE] = Seen(file=case_file(granted(role="witness")))
    assert (await legal.get(f"/legal/api/any/{CASE}", headers=bearer())).status_code == 200


async def test_the_assigned_lawyer_sees_it_with_a_session_of_no_case(legal):
    legal.running.states["case", CASE] = Seen(file=case_file(CaseAssigned(role="lawyer", staff="maitre-x")))
    assigned = bearer(sub="maitre-x", role="lawyer", case=None, sequence=900)
    other = bearer(sub="maitre-y", role="lawyer", case=None, sequence=0)
    assert (await legal.get(f"/legal/api/cases/{CASE}", headers=assigned)).status_code == 200
    assert (await legal.get(f"/legal/api/cases/{CASE}", headers=other)).status_code == 404


PAGE = {"accept": "text/html"}


async def test_a_page_whose_session_ended_goes_to_get_another_and_comes_back(legal):
    for cookie in ({}, {"Cookie": f"recours_session={token(ago=timedelta(minutes=6))}"}):
        answer = await legal.get(f"/legal/cases/{CASE}?x=1", headers=PAGE | cookie)
        assert answer.status_code == 303
        assert answer.headers["location"] == f"/api/sessions/renew?next=/legal/cases/{CASE}"


async def test_a_form_whose_session_ended_is_sent_on_with_its_body_and_once_only(legal):
    for cookie in ({}, {"Cookie": f"recours_session={token(ago=timedelta(minutes=6))}"}):
        answer = await legal.post(f"/legal/cases/{CASE}/choice", headers=PAGE | cookie, content=b"a=1")
        assert answer.status_code == 307
        assert answer.headers["location"] == f"/api/sessions/resume?next=/legal/cases/{CASE}/choice"
        again = await legal.post(f"/legal/cases/{CASE}/choice?resumed=1", headers=PAGE | cookie, content=b"a=1")
        assert again.status_code == 401
    assert (await legal.post(f"/legal/cases/{CASE}/choice", content=b"a=1")).status_code == 401


async def test_the_body_of_a_form_that_is_sent_on_is_read_to_its_end(legal):
    read = []

    async def body():
        for _ in range(20):
            read.append(1)
            yield b"x" * 64 * 1024

    length = {"Content-Length": str(20 * 64 * 1024)}
    answer = await legal.post(f"/legal/cases/{CASE}/choice", headers=PAGE | length, content=body())
    assert (answer.status_code, len(read)) == (307, 20)


async def test_a_body_too_long_to_go_twice_is_told_to_be_lost(legal):
    headers = PAGE | {"Content-Length": str(65 * 1024 * 1024)}
    answer = await legal.post(f"/legal/cases/{CASE}/choice", headers=headers, content=b"")
    assert answer.status_code == 401
    assert "n’a pas été enregistré" in answer.text


async def test_a_session_that_is_not_believed_does_not_turn_in_circles(legal):
    answer = await legal.get(f"/legal/cases/{CASE}", headers=PAGE | {"Cookie": "recours_session=nonsense"})
    assert answer.status_code == 401
    assert "Votre accès est à rouvrir" in answer.text


async def test_neither_a_fragment_nor_a_program_is_sent_elsewhere(legal):
    assert (await legal.get(f"/legal/cases/{CASE}", headers=PAGE | {"HX-Request": "true"})).status_code == 401
    assert (await legal.get(f"/legal/cases/{CASE}")).status_code == 401
    assert (await legal.get(f"/legal/api/cases/{CASE}", headers=PAGE)).status_code == 401
