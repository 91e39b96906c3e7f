from __future__ import annotations

from datetime import date

import pytest

from services.legal.domain.diagnosis import authors, proposal
from services.legal.domain.eligibility import Authors
from services.legal.domain.state import Case
from shared.contracts.intake import CaseClosed, ErasurePlanned
from shared.errors import NotFound, Refused
from tests.given import Given
from tests.services.legal import affairs
from tests.services.legal.affairs import TODAY, act, case, days, diagnosis, names, of


def test_the_assigned_lawyer_approves_the_engines_proposal():
    found = case(act(kind="threat", day=days(-3)), act("act-2", "insult", days(-2)))
    said = of(found.when(diagnosis(sealed_advice=affairs.sealed("advice"))), "case-diagnosed")
    assert said.eligible
    assert said.approved_by == affairs.LAWYER
    assert "offence.threats" in {one.offence for one in said.offences}
    assert {one.data for one in said.feasibility} == {"identity", "account", "technical"}
    assert {one.act for one in said.limits} == {"act-1", "act-2"}
    assert all(one.rules for one in (*said.offences, *said.limits, *said.feasibility))
    assert found.state.diagnosis.on == TODAY
    assert found.state.secret("advice") == affairs.sealed("advice")


def test_the_same_diagnosis_twice_is_one():
    found = case()
    found.when(diagnosis())
    assert found.when(diagnosis()) == ()
    assert "case-diagnosed" in names(found.when(diagnosis("diagnosis-2", solidity="A")))
    assert found.state.diagnosis.solidity == "A"


@pytest.mark.parametrize("staff", [affairs.WORKER, affairs.VICTIM, "somebody"])
def test_nobody_but_the_assigned_lawyer_approves(staff):
    with pytest.raises(Refused) as refusal:
        case().when(diagnosis(approved_by=staff))
    assert refusal.value.code == "not-the-lawyer"
    assert refusal.value.field == "approved_by"


def test_without_an_assigned_lawyer_nobody_approves():
    found = Given(case().service, "case").facts(affairs.opened())
    with pytest.raises(Refused, match="assigned"):
        found.when(diagnosis())


@pytest.mark.parametrize(
    ("least", "most", "reason"),
    [(15, 40, "authors-too-many"), (2, 15, "authors-may-be-too-many"), (1, None, "authors-not-known")],
)
def test_an_affair_of_too_many_authors_is_not_eligible_and_says_why(least, most, reason):
    found = case(authors_at_least=least, authors_at_most=most)
    said = of(found.when(diagnosis()), "case-diagnosed")
    assert not said.eligible
    assert reason in said.reasons


def test_an_affair_whose_limits_are_all_over_is_time_barred():
    found = case(act(kind="threat", day=date(2019, 1, 2)), act("act-2", "insult", date(2019, 1, 2)))
    said = of(found.when(diagnosis()), "case-diagnosed")
    assert not said.eligible
    assert said.reasons == ("time-barred",)


def test_a_case_without_acts_is_not_time_barred():
    assert not proposal(Case(), TODAY).time_barred
    assert proposal(Case(), TODAY).candidates == ()


def test_an_offence_is_named_once_with_its_heaviest_penalty():
    found = case(act(kind="threat", day=days(-3)), act("act-2", "threat", days(-2), hate_ground=True))
    said = of(found.when(diagnosis()), "case-diagnosed")
    assert len({one.offence for one in said.offences}) == len(said.offences)
    heaviest = max(
        one.penalty.prison_months
        for one in proposal(found.state, TODAY).candidates
        if one.offence == said.offences[0].offence
    )
    assert said.offences[0].prison_months == heaviest


def test_a_range_upside_down_counts_as_its_lower_end():
    found = case(authors_at_least=9, authors_at_most=3)
    assert authors(found.state) == Authors(at_least=9, at_most=None)
    assert authors(Case()) == Authors()


def test_a_closed_or_erasing_or_unknown_case_is_not_diagnosed():
    with pytest.raises(Refused, match="closed"):
        case().facts(CaseClosed(reason="solved")).when(diagnosis())
    with pytest.raises(Refused, match="erased"):
        case().facts(ErasurePlanned(erasure="erasure-1")).when(diagnosis())
    with pytest.raises(NotFound):
        Given(case().service, "case").when(diagnosis())


def test_the_penalties_order_the_offences():
    first = act(kind="threat", day=days(-3))
    second = act("act-2", "threat", days(-2), hate_ground=True)
    for order in ((first, second), (second, first)):
        said = of(case(*order).when(diagnosis()), "case-diagnosed")
        months = [one.prison_months for one in said.offences]
        assert months == sorted(months, reverse=True)


def test_the_heaviest_case_of_an_offence_counts_whichever_act_it_is():
    offline = act(kind="repeated-messages", day=days(-3), online=False)
    online = act("act-2", "repeated-messages", days(-2))
    for order in ((offline, online), (online, offline)):
        said = of(case(*order).when(diagnosis()), "case-diagnosed")
        [harassment] = [one for one in said.offences if one.offence == "offence.harassment"]
        assert harassment.prison_months == 24


def test_acts_that_are_no_offence_known_hope_for_no_identification():
    said = of(case(act(kind="unknown-kind")).when(diagnosis()), "case-diagnosed")
    assert said.offences == ()
    assert said.feasibility == ()
