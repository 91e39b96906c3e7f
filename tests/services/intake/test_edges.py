from __future__ import annotations

from datetime import timedelta

import pytest

from services.intake import codes
from services.intake.domain import commands as asked
from services.intake.domain.ending import failed
from services.intake.dossier import erasure
from shared import clock
from shared.contracts.everyone import ErasureCleared
from shared.contracts.legal import HoldPlaced
from tests.given import CASE
from tests.services.intake import cases
from tests.services.intake.histories import SERVICES, given

PASSPHRASE = "quatre mots bien choisis"
OPENING = {"persona": "victim", "passphrase": PASSPHRASE, "facts": {"account": "texte"}}


@pytest.fixture
def web(browser):
    return browser()


async def opened(web, **other):
    answer = await web.post("/api/cases", json={**OPENING, **other})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_when_every_code_drawn_is_taken_nothing_is_left_behind(web, standing, monkeypatch):
    taken = codes.draw()
    monkeypatch.setattr(codes, "draw", lambda: taken)
    await opened(web)
    refused = await web.post("/api/cases", json=OPENING)
    assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
    assert len(standing.keyring.cases) == 4
    assert standing.names().count("case-opened") == 1


async def test_a_danger_told_later_escalates(web, standing):
    told = await opened(web)
    await web.patch(f"/api/cases/{told['case']}", json={"facts": {"account": "texte", "dangers": ["threat"]}})
    assert standing.names()[-2:] == ["case-escalated", "case-updated"]


async def test_what_changes_is_checked_like_what_opens(web):
    told = await opened(web)
    acts = [{"kind": "insult", "day": "2999-01-01"}]
    refused = await web.patch(f"/api/cases/{told['case']}", json={"acts": acts})
    assert (refused.json()["code"], refused.json()["field"]) == ("day-in-future", "acts.0.day")
    refused = await web.patch(f"/api/cases/{told['case']}", json={"persona": "witness"})
    assert refused.json()["field"] == "persona"


async def test_changing_needs_the_passphrase(web, browser):
    told = await opened(web)
    other = browser()
    await other.post("/api/sessions", json={"code": told["code"]})
    refused = await other.patch(f"/api/cases/{told['case']}", json={"spreading": True})
    assert refused.json()["code"] == "passphrase-needed"


async def test_an_invitation_asked_twice_with_one_key_is_one(web):
    told = await opened(web)
    headers = {"Idempotency-Key": "0123456789abcdef0"}
    path = f"/api/cases/{told['case']}/invitations"
    one, two = [await web.post(path, json={"role": "witness"}, headers=headers) for _ in range(2)]
    assert one.json() == two.json()
    people = (await web.get(f"/api/cases/{told['case']}")).json()["people"]
    assert len(people) == 2


async def test_an_erasure_asked_twice_with_one_key_is_one(web, standing):
    told = await opened(web)
    headers = {"Idempotency-Key": "0123456789abcdef0"}
    path = f"/api/cases/{told['case']}/erasure"
    one, two = [await web.post(path, json={}, headers=headers) for _ in range(2)]
    assert one.json() == two.json()
    assert standing.names().count("erasure-planned") == 1


async def test_an_unknown_erasure_is_absent_and_a_witness_sees_none(web, browser):
    told = await opened(web)
    one = (await web.post(f"/api/cases/{told['case']}/erasure", json={})).json()["erasure"]
    assert (await web.get(f"/api/cases/{told['case']}/erasures/another")).status_code == 404
    invited = (await web.post(f"/api/cases/{told['case']}/invitations", json={"role": "witness"})).json()
    other = browser()
    await other.post("/api/invitations/accept", json={"code": invited["code"]})
    assert (await other.get(f"/api/cases/{told['case']}/erasures/{one}")).status_code == 404


async def test_sign_ins_that_succeed_never_lock_the_person_out(web):
    told = await opened(web)
    for _ in range(12):
        assert (await web.post("/api/sessions", json={"code": told["code"]})).status_code == 200


async def test_one_address_may_not_try_for_ever(web):
    answers = [(await web.post("/api/sessions", json={"code": codes.draw().written()})).status_code for _ in range(121)]
    assert answers == [404] * 120 + [429]


async def test_eight_hours_after_signing_in_one_signs_in_again(web, monkeypatch):
    await opened(web)
    start = clock.now()
    for minutes in range(25, 8 * 60, 25):
        monkeypatch.setattr(clock, "now", lambda at=start + timedelta(minutes=minutes): at)
        assert (await web.post("/api/sessions/renew", json={"idle_seconds": 0})).status_code == 200
    monkeypatch.setattr(clock, "now", lambda: start + timedelta(hours=8, minutes=1))
    assert (await web.post("/api/sessions/renew", json={"idle_seconds": 0})).status_code == 404


async def test_a_member_who_left_the_team_renews_nothing(web, standing):
    await standing.keyring.enrol("claire", "lawyer", "une longue phrase d'équipe")
    await web.post("/api/sessions/staff", json={"name": "claire", "passphrase": "une longue phrase d'équipe"})
    del standing.keyring.members["claire"]
    assert (await web.post("/api/sessions/renew")).status_code == 404


async def test_a_member_of_the_team_sets_no_passphrase_on_a_case(web, standing, browser):
    told = await opened(web)
    await standing.keyring.enrol("claire", "lawyer", "une longue phrase d'équipe")
    desk = browser()
    await desk.post("/api/sessions/staff", json={"name": "claire", "passphrase": "une longue phrase d'équipe"})
    await desk.post(f"/api/team/cases/{told['case']}/assign", json={"role": "lawyer"})
    answer = await desk.post(f"/api/cases/{told['case']}/passphrase", json={"passphrase": PASSPHRASE})
    assert answer.status_code == 404
    asked_for = await desk.post(f"/api/cases/{told['case']}/erasure", json={})
    assert asked_for.status_code == 202
    assert standing.events[-1].event.requested_by == "staff"


def test_where_an_erasure_stands_is_said():
    one = given(cases.opening(), cases.erasing())
    assert erasure(one.state, cases.ERASURE) == {"erasure": cases.ERASURE, "status": "under-way", "cleared": []}
    one.facts(HoldPlaced(hold="h", reason="judicial"))
    assert erasure(one.state, cases.ERASURE)["status"] == "held"
    one.when(asked.DestructionFailed(case=CASE, erasure=cases.ERASURE))
    assert failed(cases.ERASURE) in one.state.escalations
    assert erasure(one.state, cases.ERASURE)["status"] == "failed"
    for source in SERVICES:
        one.facts(ErasureCleared(erasure=cases.ERASURE), source=source)
    one.when(cases.destroyed())
    assert erasure(one.state, cases.ERASURE)["certificate_sha256"] == cases.DIGEST
