from __future__ import annotations

from datetime import date

import pytest

from services.legal.domain import complaint as domain
from services.legal.domain.complaint import (
    MOST_ANSWERS,
    MOST_COMPLAINTS,
    AbandonDraft,
    AnswerComplaint,
    ReceiptKept,
    from_authority,
)
from services.legal.rules.vocabulary import ComplaintFact
from services.legal.service import service
from shared.contracts.billing import PaymentReceived
from shared.contracts.intake import CaseClosed, CaseErased, ErasurePlanned
from shared.contracts.legal import ComplaintApproved
from shared.contracts.partners import FilingReceipt
from shared.errors import NotFound, Refused
from shared.runtime.declaration import Command
from tests.given import CASE, Given
from tests.services.legal import affairs
from tests.services.legal.affairs import TODAY, act, at, case, days, names


def refused(found, command, now=None):
    with pytest.raises(Refused) as refusal:
        found.when(command, *([now] if now else []))
    return refusal.value


# Drafting


def test_a_draft_is_asked_of_a_job_and_leaves_no_fact():
    found = affairs.diagnosed()
    assert found.when(affairs.drafting(about=("legal-aid",))) == ()
    [job] = found.jobs
    assert (job.kind, job.subject) == ("typeset-complaint", "complaint-1.1")
    assert job.payload["about"] == ["legal-aid"]
    assert found.state.complaints == {}


def test_the_same_draft_asked_again_is_the_same_job_and_nothing_once_it_is_there():
    found = affairs.diagnosed()
    found.when(affairs.drafting())
    found.when(affairs.drafting())
    assert {(job.kind, job.subject) for job in found.jobs} == {("typeset-complaint", "complaint-1.1")}
    found.when(affairs.drafted())
    found.jobs.clear()
    assert found.when(affairs.drafting()) == ()
    assert not found.jobs


def test_a_typeset_draft_is_a_fact_once():
    found = affairs.diagnosed()
    found.when(affairs.drafting())
    assert names(found.when(affairs.drafted(exhibits=("exhibit-1",)))) == ["complaint-drafted"]
    assert found.when(affairs.drafted(commitment="f" * 64)) == ()
    assert found.state.complaints["complaint-1"].draft.commitment == affairs.COMMITMENT


def test_a_draft_that_comes_after_the_end_is_dropped():
    for end in (
        CaseClosed(reason="solved"),
        ErasurePlanned(erasure="e-1"),
        CaseErased(erasure="e-1", certificate="d" * 64),
    ):
        found = affairs.diagnosed()
        found.when(affairs.drafting())
        found.facts(end)
        assert "complaint-drafted" not in names(found.when(affairs.drafted()))


def test_a_draft_that_was_given_up_may_be_asked_for_again():
    found = affairs.diagnosed()
    found.when(affairs.drafting())
    assert found.when(AbandonDraft(case=CASE, complaint="complaint-1", draft=1)) == ()
    found.jobs.clear()
    found.when(affairs.drafting())
    assert [job.subject for job in found.jobs] == ["complaint-1.1"]


def test_draft_numbers_follow_each_other():
    assert refused(affairs.diagnosed(), affairs.drafting(draft=2)).code == "draft-skipped"


def test_without_an_approved_diagnosis_nothing_is_drafted():
    assert refused(case(), affairs.drafting()).code == "not-diagnosed"


def test_somebody_outside_the_team_drafts_nothing():
    with pytest.raises(NotFound):
        affairs.diagnosed().when(affairs.drafting(asked_by=affairs.VICTIM))


def test_a_filed_complaint_is_not_drafted_again():
    assert refused(affairs.filed(), affairs.drafting(draft=2)).code == "complaint-filed"


def test_a_case_takes_so_many_complaints():
    found = affairs.diagnosed()
    for number in range(MOST_COMPLAINTS):
        found.when(affairs.drafted(f"complaint-{number}"))
    assert refused(found, affairs.drafting("one-more")).code == "too-many"


def test_an_affair_that_does_not_fit_is_refused_with_reason_dates_and_another_way():
    refusal = refused(affairs.diagnosed(authors_at_most=20), affairs.drafting())
    assert refusal.code == "authors-may-be-too-many"
    for part in ("15", "simple-complaint-with-partner", "2027-02-23", "evidence stays yours"):
        assert part in str(refusal)


def test_an_affair_without_a_date_left_says_so():
    found = affairs.diagnosed(act(kind="threat", day=date(2018, 1, 1)), authors_at_most=20)
    assert "no last day" in str(refused(found, affairs.drafting()))


# Procedures


def test_a_civil_party_needs_an_earlier_complaint():
    assert refused(affairs.diagnosed(), affairs.drafting(procedure="civil-party")).code == "needs-earlier-complaint"


def test_a_civil_party_waits_three_months_of_silence_and_is_told_the_day():
    found = affairs.filed()
    refusal = refused(found, affairs.drafting("complaint-2", procedure="civil-party"))
    assert refusal.code == "not-yet"
    assert "2027-02-23" in str(refusal)
    found.when(affairs.drafting("complaint-2", procedure="civil-party"), at(date(2027, 2, 23)))
    assert found.jobs[-1].subject == "complaint-2.1"


def test_a_civil_party_may_come_at_once_after_a_refusal():
    found = affairs.filed()
    found.when(affairs.answer(said="refused"))
    found.when(affairs.drafting("complaint-2", procedure="civil-party"))
    assert found.jobs[-1].subject == "complaint-2.1"


def test_a_press_offence_needs_no_earlier_complaint_where_an_act_may_be_one():
    found = affairs.diagnosed()
    found.when(affairs.drafting(procedure="civil-party", about=("press-offence",)))
    assert found.jobs
    other = affairs.diagnosed(act(kind="blackmail"))
    asked = affairs.drafting(procedure="civil-party", about=("press-offence",))
    assert refused(other, asked).code == "not-a-press-offence"


def test_a_direct_summons_is_blocked_while_an_author_may_be_a_minor():
    found = affairs.diagnosed()
    assert refused(found, affairs.drafting(procedure="direct-summons")).code == "author-may-be-minor"
    found.when(affairs.drafting(procedure="direct-summons", authors_of_age=True))
    assert found.jobs
    found.when(affairs.drafted(procedure="direct-summons"))
    assert refused(found, affairs.approval()).code == "author-may-be-minor"
    assert "complaint-approved" in names(found.when(affairs.approval(authors_of_age=True)))


# Approval


def test_the_lawyer_approves_exactly_the_draft_that_was_read():
    found = affairs.approved()
    [said] = [one for one in found.events if isinstance(one, ComplaintApproved)]
    assert (said.draft, said.commitment, said.approved_by) == (1, affairs.COMMITMENT, affairs.LAWYER)
    assert said.deadline is None
    assert found.when(affairs.approval()) == ()


def test_an_approval_names_the_day_that_a_near_limit_leaves():
    found = affairs.approved(act(day=days(-70)), act("act-2", day=days(-1)))
    [said] = [one for one in found.events if isinstance(one, ComplaintApproved)]
    assert said.deadline == date(2026, 12, 14)


def test_an_older_draft_is_not_approved():
    found = affairs.diagnosed()
    found.when(affairs.drafted())
    found.when(affairs.drafted(draft=2, commitment="f" * 64))
    assert refused(found, affairs.approval()).code == "not-the-latest-draft"


def test_a_new_draft_is_approved_anew():
    found = affairs.approved()
    found.when(affairs.drafted(draft=2, commitment="f" * 64))
    assert names(found.when(affairs.approval(commitment="f" * 64))) == ["complaint-approved"]
    found.when(affairs.filing())
    assert found.state.complaints["complaint-1"].filed.draft == 2


def test_without_a_proven_identity_nothing_is_approved():
    found = case()
    found.when(affairs.diagnosis())
    found.when(affairs.drafted())
    assert refused(found, affairs.approval()).code == "identity-not-proven"


@pytest.mark.parametrize("staff", [affairs.WORKER, affairs.VICTIM])
def test_nobody_but_the_assigned_lawyer_approves(staff):
    found = affairs.diagnosed()
    found.when(affairs.drafted())
    assert refused(found, affairs.approval(approved_by=staff)).code == "not-the-lawyer"


def test_what_was_not_drafted_is_not_approved():
    with pytest.raises(NotFound):
        affairs.diagnosed().when(affairs.approval())


def test_a_filed_complaint_is_not_approved_under_another_commitment():
    assert refused(affairs.filed(), affairs.approval(commitment="f" * 64)).code == "complaint-filed"


# Filing


def test_an_approved_complaint_is_filed_once():
    found = affairs.approved()
    assert names(found.when(affairs.filing()))[0] == "complaint-filed"
    assert found.when(affairs.filing()) == ()
    assert refused(found, affairs.filing(mode="bailiff")).code == "complaint-filed"
    assert refused(found, affairs.filing(day=days(-1))).code == "complaint-filed"
    assert found.state.secret("receipt.complaint-1") == affairs.sealed("receipt")


def test_an_unapproved_complaint_is_not_filed():
    found = affairs.diagnosed()
    with pytest.raises(NotFound):
        found.when(affairs.filing())
    found.when(affairs.drafted())
    assert refused(found, affairs.filing()).code == "not-approved"


def test_a_filing_is_neither_in_the_future_nor_before_its_approval():
    found = affairs.approved()
    assert refused(found, affairs.filing(day=days(1))).code == "day-in-future"
    assert refused(found, affairs.filing(day=days(-1))).code == "day-too-early"


def test_filing_waits_for_no_money():
    """No fact of money is followed, none is in the state, and an approved complaint is filed without any."""
    assert PaymentReceived not in service.follows
    assert not [one for one in service.follows if one.owner == "billing"]
    assert "complaint-filed" in names(affairs.approved().when(affairs.filing()))


def test_the_file_is_named_by_an_authority_through_the_filed_complaint():
    references = service.aggregate("case").references
    assert references(affairs.approved().state) == ()
    assert references(affairs.filed().state) == ("partner:complaint-1",)


# Answers


def test_an_answer_is_recorded_once():
    found = affairs.filed()
    assert "complaint-answered" in names(found.when(affairs.answer()))
    assert found.when(affairs.answer()) == ()
    assert not found.jobs[1:]


def test_an_answer_to_what_was_not_filed_is_refused():
    assert refused(affairs.approved(), affairs.answer()).code == "not-filed"
    with pytest.raises(NotFound):
        affairs.diagnosed().when(affairs.answer())


def test_an_answer_is_neither_in_the_future_nor_before_the_filing():
    found = affairs.filed()
    assert refused(found, affairs.answer(day=days(1))).code == "day-in-future"
    assert refused(found, affairs.answer(day=days(-1))).code == "day-too-early"


def test_an_answer_of_somebody_outside_the_team_is_not_taken():
    with pytest.raises(NotFound):
        affairs.filed().when(affairs.answer(told_by=affairs.VICTIM))


def test_an_answer_in_an_unknown_or_erased_case_finds_nothing():
    with pytest.raises(NotFound):
        Given(service, "case").when(affairs.answer())
    with pytest.raises(NotFound):
        affairs.filed().facts(CaseErased(erasure="e", certificate="d" * 64)).when(affairs.answer())


def test_a_closed_case_still_hears_the_authority():
    found = affairs.filed().facts(CaseClosed(reason="solved"))
    assert "complaint-answered" in names(found.when(affairs.answer()))


def test_a_complaint_takes_so_many_answers():
    found = affairs.filed()
    for number in range(MOST_ANSWERS):
        found.when(affairs.answer(f"answer-{number}"))
    assert refused(found, affairs.answer("one-more")).code == "too-many"


def test_an_authoritys_receipt_registers_the_complaint_and_is_kept():
    message = FilingReceipt(
        id="m-1", partner="court", reference="complaint-1", complaint="complaint-1", day=TODAY, sealed_receipt="YWdl"
    )
    found = affairs.filed()
    found.jobs.clear()
    command = from_authority(message, CASE, at(TODAY))
    assert isinstance(command, AnswerComplaint)
    assert "complaint-answered" in names(found.when(command))
    [job] = found.jobs
    assert (job.kind, job.subject) == ("keep-receipt", command.answer_id)
    assert found.when(command) == ()
    assert found.when(ReceiptKept(case=CASE, answer_id=command.answer_id)) == ()


def test_a_command_of_another_kind_is_a_fault():
    class Stray(Command):
        aggregate = "case"

    with pytest.raises(TypeError, match="Stray"):
        affairs.filed().when(Stray(case=CASE))


def test_what_a_complaint_is_about_is_told_once():
    assert domain.about((ComplaintFact.MINOR_AUTHOR,), of_age=False) == (ComplaintFact.MINOR_AUTHOR,)
