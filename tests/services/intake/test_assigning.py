"""The page on which the team gives a case to another of its members."""

from __future__ import annotations

import pytest

from tests.services.intake.test_pages import PAGE, opened

SECRET = "une longue phrase d'équipe"
TEAM = {
    "claire": "case-worker",
    "samir": "case-worker",
    "maitre-x": "lawyer",
    "compta": "accountant",
    "racine": "admin",
}


@pytest.fixture
async def desk(standing, browser):
    """Signs members of the team in, each in a browser of their own."""
    for name, role in TEAM.items():
        await standing.keyring.enrol(name, role, SECRET)

    async def enter(name):
        web = browser(headers=PAGE)
        await web.post("/team/enter", data={"name": name, "passphrase": SECRET})
        return web

    return enter


async def test_a_member_gives_the_case_to_a_lawyer_from_the_list_and_keeps_their_own_part(desk, browser, standing):
    case, _ = await opened(browser(headers=PAGE))
    claire = await desk("claire")
    await claire.post(f"/team/cases/{case}/take")
    assert f'href="/team/cases/{case}/assign"' in (await claire.get(f"/cases/{case}")).text
    page = (await claire.get(f"/team/cases/{case}/assign")).text
    assert '<option value="maitre-x">' in page
    assert '<option value="claire" disabled>' in page
    assert "racine" not in page
    given = await claire.post(f"/team/cases/{case}/assign", data={"staff": "maitre-x"})
    assert (given.status_code, given.headers["location"]) == (303, f"/cases/{case}")
    state = await standing.load("case", case)
    assert {role: one.value for role, one in state.file.assigned.items()} == {
        "case-worker": "claire",
        "lawyer": "maitre-x",
    }
    assert (await (await desk("maitre-x")).get(f"/cases/{case}")).status_code == 200


async def test_who_gives_their_own_part_away_sees_the_case_no_more(desk, browser):
    case, _ = await opened(browser(headers=PAGE))
    claire = await desk("claire")
    await claire.post(f"/team/cases/{case}/take")
    given = await claire.post(f"/team/cases/{case}/assign", data={"staff": "samir"})
    assert given.headers["location"] == "/team"
    assert (await claire.get(f"/cases/{case}")).status_code == 404


@pytest.mark.parametrize("name", ["nobody", "", "racine", "../public"])
async def test_a_name_that_is_not_of_the_team_is_refused_and_said(desk, browser, standing, name):
    case, _ = await opened(browser(headers=PAGE))
    page = await (await desk("claire")).post(f"/team/cases/{case}/assign", data={"staff": name})
    assert page.status_code == 409
    assert "Choisissez dans la liste" in page.text
    assert not (await standing.load("case", case)).file.assigned


async def test_an_accountant_gives_cases_to_nobody_else(desk, browser, standing):
    case, _ = await opened(browser(headers=PAGE))
    compta = await desk("compta")
    assert "maitre-x" not in (await compta.get(f"/team/cases/{case}/assign")).text
    assert (await compta.post(f"/team/cases/{case}/assign", data={"staff": "maitre-x"})).status_code == 404
    assert (await compta.post(f"/team/cases/{case}/assign", data={"staff": "compta"})).status_code == 303


async def test_a_closed_case_is_given_to_nobody(desk, browser):
    case, _ = await opened(browser(headers=PAGE))
    claire = await desk("claire")
    await claire.post(f"/team/cases/{case}/take")
    await claire.post(f"/team/cases/{case}/close", data={"reason": "solved"})
    page = await claire.get(f"/team/cases/{case}/assign")
    assert "Ce dossier est clos" in page.text
    assert "<select" not in page.text
    refused = await claire.post(f"/team/cases/{case}/assign", data={"staff": "maitre-x"})
    assert refused.status_code == 409


async def test_only_the_team_sees_who_is_of_the_team(desk, browser):
    web = browser(headers=PAGE)
    case, _ = await opened(web)
    for path in (f"/team/cases/{case}/assign", "/team/cases/00000000-0000-4000-8000-000000000000/assign"):
        assert (await web.get(path)).status_code == 404
        assert (await web.post(path, data={"staff": "claire"})).status_code == 404
    nobody = await browser(headers=PAGE).get(f"/team/cases/{case}/assign")
    assert nobody.status_code == 303
    assert "claire" not in nobody.text
    claire = await desk("claire")
    assert (await claire.get("/team/cases/00000000-0000-4000-8000-000000000000/assign")).status_code == 404


async def test_the_teams_page_of_a_case_leads_to_each_of_its_parts(desk, browser):
    case, _ = await opened(browser(headers=PAGE))
    lawyer = await desk("maitre-x")
    await lawyer.post(f"/team/cases/{case}/take")
    page = (await lawyer.get(f"/cases/{case}")).text
    places = page[page.index('<nav aria-label="Parties du dossier">') :].partition("</nav>")[0]
    for path in ("evidence", "legal", "billing"):
        assert f'href="/{path}/cases/{case}"' in places
    for anchor in ("facts", "people", "timeline", "identity", "close"):
        assert f'href="#{anchor}"' in places
        assert f'id="{anchor}"' in page
