from __future__ import annotations

from datetime import timedelta

import pytest

from services.notify.domain.outcomes import RecordFailed, RecordSent, RecordTaken
from services.notify.service import service
from shared.contracts.intake import AccessGranted, CaseAssigned, CaseEscalated, ErasurePlanned
from tests.given import CASE, NOON
from tests.services.notify.cases import a_case, told
from tests.shared.web.stand_in import Running, bearer, client

PAGE = f"/notify/cases/{CASE}"
API = f"/notify/api/cases/{CASE}/notifications"


def somebody(role, holder):
    return AccessGranted(access=f"access-{holder}", role=role, holder=holder)


@pytest.fixture
def case():
    given = a_case(somebody("witness", "holder-2"), somebody("guardian", "holder-3"))
    given.when(RecordSent(case=CASE, notification=told("opened", "case"), template="opened", sent_at=NOON))
    for about, reason in [("a", "address-refused"), ("b", "no-longer-due"), ("c", "dns-lost")]:
        failed = RecordFailed(case=CASE, notification=told("news", about), template="news", reason=reason)
        given.when(failed, NOON + timedelta(hours=1))
    return given


@pytest.fixture
async def http(case):
    running = Running(service)
    running.states["case", CASE] = case.state
    async with client(running) as one:
        one.running = running
        yield one


async def test_the_person_reads_in_plain_words_what_was_sent_and_when(http):
    page = await http.get(PAGE, headers=bearer())
    assert page.status_code == 200
    assert "Votre dossier est ouvert" in page.text
    assert "23 novembre 2026, 13:00" in page.text
    assert "Votre messagerie a refusé l’adresse" in page.text
    assert "L’envoi n’a pas été possible" in page.text
    assert page.text.count("<li>") == 3


async def test_it_reads_in_english_too(http):
    page = await http.get(f"{PAGE}?lang=en", headers=bearer())
    assert "Your case is open" in page.text
    assert "refused the address" in page.text


async def test_the_dossier_takes_it_as_a_fragment(http):
    part = await http.get(PAGE, headers=bearer() | {"HX-Request": "true"})
    assert "<html" not in part.text
    assert 'id="notifications"' in part.text


async def test_the_api_says_all_of_it_newest_first(http):
    listed = (await http.get(API, headers=bearer())).json()["notifications"]
    assert [one["outcome"] for one in listed] == ["failed"] * 3 + ["sent"]
    assert listed[-1]["template"] == "opened"
    assert {one["reason"] for one in listed} == {None, "address-refused", "no-longer-due", "dns-lost"}


@pytest.mark.parametrize("path", [PAGE, API])
@pytest.mark.parametrize(
    ("role", "holder"), [("witness", "holder-2"), ("guardian", "holder-3"), ("victim", "stranger")]
)
async def test_others_see_nothing_of_the_persons_mails(http, path, role, holder):
    assert (await http.get(path, headers=bearer(sub=holder, role=role))).status_code == 404


async def test_a_guardian_who_is_written_to_sees_it(http):
    http.running.states["case", CASE] = a_case(role="guardian").state
    page = await http.get(PAGE, headers=bearer(role="guardian"))
    assert page.status_code == 200
    assert "Aucun message pour le moment" in page.text


async def test_after_an_erasure_was_planned_the_page_says_that_nothing_follows(http, case):
    http.running.states["case", CASE] = case.facts(ErasurePlanned(erasure="erasure-1")).state
    assert "plus rien ne vous sera envoyé" in (await http.get(PAGE, headers=bearer())).text


async def test_the_api_is_described(http):
    described = (await http.get("/notify/api/openapi.json")).json()
    assert set(described["paths"]) == {
        "/notify/api/cases/{case}/notifications",
        "/notify/api/cases/{case}/receipts",
    }


# ---- the link of a page to the team

LINK = f"/notify/cases/{CASE}/pages/danger-1"
DANGER = CaseEscalated(escalation="danger-1", reason="danger")


@pytest.fixture
def alarmed(http):
    """A case that claire has and that needs somebody; what is carried out is kept."""
    given = a_case(CaseAssigned(role="case-worker", staff="claire"), DANGER)
    http.running.states["case", CASE] = given.state
    http.running.carried = []

    async def carry_out(command):
        http.running.carried.append(command)

    http.running.carry_out = carry_out
    return given


def staff(sub, role="case-worker"):
    return bearer(sub=sub, role=role, case=None)


async def test_the_link_takes_the_alarm_and_leads_to_the_dossier(http, alarmed):
    gone = await http.get(LINK, headers=staff("claire"))
    assert (gone.status_code, gone.headers["location"]) == (303, f"/cases/{CASE}")
    assert http.running.carried == [RecordTaken(case=CASE, alarm="danger-1", viewer="claire", role="case-worker")]
    assert len(alarmed.when(http.running.carried[0])) == 1


@pytest.mark.parametrize(("sub", "role"), [("paul", "lawyer"), ("zoe", "accountant")])
async def test_who_has_no_part_in_the_case_is_led_to_the_list_and_takes_nothing(http, alarmed, sub, role):
    gone = await http.get(LINK, headers=staff(sub, role))
    assert (gone.status_code, gone.headers["location"]) == (303, "/team")
    assert http.running.carried == []


async def test_the_link_is_nothing_to_the_person(http, alarmed):
    assert (await http.get(LINK, headers=bearer())).status_code == 404
    assert http.running.carried == []


async def test_without_a_session_the_link_asks_to_sign_in_first(http, alarmed):
    assert (await http.get(LINK)).status_code == 401
    gone = await http.get(LINK, headers={"Accept": "text/html"})
    assert (gone.status_code, gone.headers["location"]) == (303, f"/api/sessions/renew?next={LINK}")
    assert http.running.carried == []


async def test_what_the_team_was_sent_is_not_told_as_written_to_the_person(http, alarmed):
    alarmed.at()
    (page,) = [one for one in alarmed.jobs if one.kind == "page-team"]
    alarmed.when(RecordSent(case=CASE, notification=page.subject, template="team-danger", sent_at=NOON))
    http.running.states["case", CASE] = alarmed.state
    assert (await http.get(API, headers=bearer())).json() == {"notifications": []}
    assert "team-danger" not in (await http.get(PAGE, headers=bearer())).text
