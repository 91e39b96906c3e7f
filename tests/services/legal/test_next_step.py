from __future__ import annotations

import pytest

from services.legal.domain.hearings import EndHearing
from services.legal.domain.next_step import next_step
from services.legal.service import service
from shared.contracts.intake import CaseAssigned, CaseClosed
from tests.given import CASE, Given
from tests.services.legal import affairs
from tests.services.legal.affairs import TODAY, act, case, days


def code(found, day=TODAY):
    return next_step(found.state, day).code


def test_a_case_without_a_lawyer_is_given_to_one():
    assert code(Given(service, "case").facts(affairs.opened(), CaseAssigned(role="case-worker", staff="claire"))) == (
        "assign-lawyer"
    )


def test_a_case_with_a_lawyer_waits_for_its_diagnosis():
    assert code(case()) == "diagnose"


@pytest.mark.parametrize(("options", "said"), [(("complaint", "wait"), "draft"), (("wait",), "follow")])
def test_after_a_diagnosis_its_options_are_followed(options, said):
    found = case()
    found.when(affairs.diagnosis(options=options))
    assert code(found) == said


def test_an_affair_that_does_not_fit_is_told_another_way():
    assert code(affairs.diagnosed(authors_at_least=40, authors_at_most=90)) == "tell-another-way"


def test_a_draft_waits_for_the_identity_then_for_the_lawyer():
    found = case()
    found.when(affairs.diagnosis())
    found.when(affairs.drafting())
    found.when(affairs.drafted())
    assert code(found) == "prove-identity"
    assert code(found.facts(affairs.proven())) == "approve"


def test_an_approved_draft_is_filed_and_a_newer_one_is_read_again():
    found = affairs.approved()
    assert (next_step(found.state, TODAY).code, next_step(found.state, TODAY).about) == ("file", "complaint-1")
    found.when(affairs.drafting(draft=2))
    found.when(affairs.drafted(draft=2, commitment="d" * 64))
    assert code(found) == "approve"


def test_a_filed_complaint_waits_for_its_answer_and_a_refused_one_for_the_next_way():
    found = affairs.filed(act(kind="threat"))
    assert code(found) == "wait-answer"
    found.when(affairs.answer(said="closed"))
    assert code(found) == "next-way"


def test_a_hearing_is_attended_held_and_judged():
    found = affairs.filed(act(kind="threat"))
    found.when(affairs.hearing(day=days(30)))
    assert (code(found), code(found, days(30))) == ("attend", "say-if-held")
    found.when(affairs.hearing("hearing-2", day=TODAY))
    assert next_step(found.state, TODAY).about == "hearing-2"
    found.when(affairs.judgment(hearing="hearing-2"))
    assert code(found) == "attend"


def test_a_hearing_that_was_held_waits_for_its_judgment_and_an_appointment_does_not():
    found = affairs.filed(act(kind="threat"))
    found.when(affairs.hearing("hearing-1", kind="investigation", day=TODAY))
    found.when(EndHearing(case=CASE, hearing="hearing-1", status="held"))
    assert code(found) == "wait-answer"
    found.when(affairs.hearing("hearing-2", day=TODAY))
    found.when(EndHearing(case=CASE, hearing="hearing-2", status="held"))
    assert code(found) == "judge"
    found.when(affairs.judgment(hearing="hearing-2"))
    assert code(found) == "judged"


def test_a_closed_case_asks_for_nothing():
    assert code(affairs.filed().facts(CaseClosed(reason="judged"))) == "closed"
