from __future__ import annotations

import pytest

from services.intake.workers import destroyed_again, keys_lost
from shared.contracts.everyone import ErasureCleared
from shared.contracts.intake import CaseErased
from shared.trust.sealing import Purpose, new_identity
from tests.services.intake.histories import SERVICES

OPENING = {"persona": "victim", "passphrase": "quatre mots bien choisis", "facts": {"account": "texte"}}


@pytest.fixture
async def case(browser):
    answer = await browser().post("/api/cases", json=OPENING)
    return answer.json()["case"]


def said(standing, case, name):
    return next(one for one in standing.events if one.case == case and one.event.name == name)


async def erased(standing, browser):
    web = browser()
    case = (await web.post("/api/cases", json=OPENING)).json()["case"]
    erasure = (await web.post(f"/api/cases/{case}/erasure", json={})).json()["erasure"]
    for source in SERVICES:
        standing.hear(case, ErasureCleared(erasure=erasure), source=source)
    await standing.work()
    return case, erasure


async def test_keys_of_an_erased_case_that_came_back_are_destroyed_again(standing, browser, case):
    gone, _ = await erased(standing, browser)
    fact = said(standing, gone, CaseErased.name)
    assert await destroyed_again(fact, standing) == ""
    # One key is enough to open what was sealed to it.
    standing.keyring.cases[gone, Purpose.AUTHORS] = new_identity()
    assert await destroyed_again(fact, standing) == "keys-of-erased-case"
    assert {one for one, _ in standing.keyring.cases} == {case}


async def test_keys_that_are_lost_are_said_and_those_that_were_destroyed_are_not(standing, browser, case):
    opened = said(standing, case, "case-opened")
    assert await keys_lost(opened, standing) == ""
    await standing.keyring.destroy_case_keys(case)
    assert await keys_lost(opened, standing) == "keys-lost"
    gone, _ = await erased(standing, browser)
    assert await keys_lost(said(standing, gone, "case-opened"), standing) == ""


async def test_keys_of_an_erasure_under_way_are_not_called_lost(standing, browser):
    web = browser()
    case = (await web.post("/api/cases", json=OPENING)).json()["case"]
    await web.post(f"/api/cases/{case}/erasure", json={})
    await standing.keyring.destroy_case_keys(case)
    assert await keys_lost(said(standing, case, "case-opened"), standing) == ""
