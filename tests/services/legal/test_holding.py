from __future__ import annotations

import pytest

from services.legal.domain.holding import ClearingFailed, DocumentsCleared, RecordView
from services.legal.service import service
from shared.contracts.everyone import ErasureObjected
from shared.contracts.intake import CaseErased, ErasurePlanned
from shared.errors import NotFound
from tests.given import CASE, Given
from tests.services.legal import affairs
from tests.services.legal.affairs import TODAY, case, names, of

PLANNED = ErasurePlanned(erasure="erasure-1")
ERASED = CaseErased(erasure="erasure-1", certificate="d" * 64)


def view(**other):
    return RecordView(case=CASE, viewer=affairs.LAWYER, role="lawyer", record="diagnosis", **other)


def test_a_hold_stands_from_the_filing_to_the_ending_answer():
    found = affairs.filed()
    held = of(found.events, "hold-placed")
    assert held.reason == "complaint-under-way"
    assert names(found.when(affairs.answer(said="registered"))) == ["complaint-answered"]
    assert of(found.when(affairs.answer("answer-2", "closed")), "hold-lifted").hold == held.hold
    assert found.at() == ()


def test_a_judgment_lifts_the_hold():
    found = affairs.filed()
    found.when(affairs.hearing(day=TODAY))
    assert "hold-lifted" in names(found.when(affairs.judgment()))
    assert not found.state.complaint_open


def test_an_erasure_is_objected_while_a_complaint_is_under_way():
    found = affairs.filed().facts(PLANNED)
    said = of(found.at(), "erasure-objected")
    assert (said.erasure, said.reason) == ("erasure-1", "complaint-under-way")
    assert found.at() == ()
    found.when(affairs.answer(said="closed"))
    assert "erasure-cleared" not in names(found.events)


def test_an_erasure_clears_the_documents_and_says_so_once():
    found = case().facts(PLANNED)
    found.at()
    assert [(job.kind, job.subject) for job in found.jobs] == [("clear-documents", "erasure-1")]
    said = of(found.when(DocumentsCleared(case=CASE, erasure="erasure-1")), "erasure-cleared")
    assert said.erasure == "erasure-1"
    assert found.when(DocumentsCleared(case=CASE, erasure="erasure-1")) == ()
    assert found.when(ClearingFailed(case=CASE, erasure="erasure-1")) == ()
    found.jobs.clear()
    found.at()
    assert not found.jobs


def test_documents_that_could_not_be_deleted_object():
    found = case().facts(PLANNED)
    said = of(found.when(ClearingFailed(case=CASE, erasure="erasure-1")), "erasure-objected")
    assert said.reason == "deletion-failed"
    assert found.state.objected == {"erasure-1"}
    assert not found.state.forgetting


def test_an_erasure_that_nobody_asked_for_finds_nothing():
    for command in (DocumentsCleared, ClearingFailed):
        with pytest.raises(NotFound):
            case().when(command(case=CASE, erasure="erasure-9"))


def test_another_services_objection_gives_the_case_back():
    found = case().facts(PLANNED)
    found.facts(ErasureObjected(erasure="erasure-1", reason="held"), source="evidence")
    assert not found.state.forgetting
    assert "erasure-1" not in found.state.settled_erasures
    assert "case-diagnosed" in names(found.when(affairs.diagnosis()))


def test_who_reads_is_written_to_the_ledger():
    said = of(case().when(view(record_id="x")), "record-viewed")
    assert (said.viewer, said.role, said.record, said.record_id) == (affairs.LAWYER, "lawyer", "diagnosis", "x")


def test_nothing_is_read_of_an_unknown_or_erased_case():
    with pytest.raises(NotFound):
        Given(service, "case").when(view())
    with pytest.raises(NotFound):
        case().facts(ERASED).when(view())


def test_an_erased_case_answers_no_erasure_any_more():
    found = case().facts(PLANNED, ERASED)
    assert found.at() == ()
    assert not found.jobs
