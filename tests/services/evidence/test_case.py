from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import strategies as st

from services.evidence.domain.case import GRACE, MAX_EXHIBITS, CaseCleared, ClearingFailed, RecordView
from services.evidence.service import service
from shared.contracts.everyone import ErasureCleared, ErasureObjected, RecordViewed
from shared.contracts.evidence import EvidenceUploaded
from shared.contracts.intake import ErasurePlanned
from shared.contracts.legal import HoldLifted, HoldPlaced
from shared.errors import NotFound
from tests.given import CASE, NOON, Given
from tests.laws import AggregateLaws, Foreign
from tests.services.evidence.facts import CLOSED, ERASED, LAWYER, OPENED, PLANNED, granted, revoked, upload

VIEW = RecordView(case=CASE, viewer="holder-1", role="victim", exhibit="exhibit-1")
CLEARED = CaseCleared(case=CASE, erasure="erasure-1", tombstones=3)
FAILED = ClearingFailed(case=CASE, erasure="erasure-1")


def case() -> Given:
    return Given(service, "case").facts(OPENED)


def uploaded(exhibit: str) -> EvidenceUploaded:
    return EvidenceUploaded(**upload(exhibit).model_dump(exclude={"case"}))


def asked(given: Given) -> list[str]:
    return [job.subject for job in given.jobs if job.kind == "clear-exhibits"]


def test_a_view_is_told_to_the_ledger():
    assert case().when(VIEW) == (
        RecordViewed(viewer="holder-1", role="victim", record="exhibit", record_id="exhibit-1"),
    )


@pytest.mark.parametrize("facts", [(), (OPENED, PLANNED, ERASED)])
def test_nothing_is_viewed_in_a_case_that_is_unknown_or_erased(facts):
    with pytest.raises(NotFound):
        Given(service, "case").facts(*facts).when(VIEW)


def test_a_planned_erasure_asks_to_clear_the_exhibits_after_a_few_seconds():
    given = case().facts(PLANNED)
    given.at(NOON)
    (job,) = given.jobs
    assert (job.kind, job.subject, job.not_before) == ("clear-exhibits", "erasure-1", NOON + GRACE)


def test_the_cleared_case_says_what_remains_and_asks_no_more():
    given = case().facts(PLANNED)
    assert given.when(CLEARED) == (ErasureCleared(erasure="erasure-1", kept={"exhibit-tombstone": 3}),)
    assert asked(given) == []
    assert given.when(CLEARED) == ()


def test_a_case_without_exhibits_keeps_nothing():
    events = case().facts(PLANNED).when(CaseCleared(case=CASE, erasure="erasure-1", tombstones=0))
    assert events == (ErasureCleared(erasure="erasure-1", kept={}),)


def test_a_hold_keeps_everything_until_it_is_lifted():
    given = case().facts(PLANNED, HoldPlaced(hold="hold-1", reason="proceedings"))
    given.at()
    assert asked(given) == []
    assert given.state.held
    given.facts(HoldLifted(hold="hold-1"))
    given.at(NOON + timedelta(days=90))
    assert asked(given) == ["erasure-1"]


def test_a_hold_lifted_before_it_is_known_never_stands():
    given = case().facts(HoldLifted(hold="hold-1"), PLANNED)
    given.facts(HoldPlaced(hold="hold-1", reason="proceedings"))
    given.at()
    assert asked(given) == ["erasure-1"]


def test_an_erasure_that_fails_is_said_once_and_a_new_plan_tries_again():
    given = case().facts(PLANNED)
    assert given.when(FAILED) == (ErasureObjected(erasure="erasure-1", reason="deletion-failed"),)
    assert given.when(FAILED) == ()
    assert asked(given) == []
    given.facts(ErasurePlanned(erasure="erasure-2"))
    given.at()
    assert asked(given) == ["erasure-2"]


@pytest.mark.parametrize("command", [CLEARED, FAILED])
def test_an_erasure_that_nobody_planned_is_not_cleared(command):
    with pytest.raises(NotFound):
        case().when(command)


def test_the_case_counts_its_exhibits_once_each():
    given = case().facts(*(uploaded(f"e-{n}") for n in range(MAX_EXHIBITS - 1)), uploaded("e-1"))
    assert not given.state.full
    given.facts(uploaded("one-more"))
    assert given.state.full


class TestLaws(AggregateLaws):
    service = service
    aggregate = "case"
    histories = st.lists(
        st.one_of(
            st.sampled_from(
                [
                    Foreign(OPENED),
                    Foreign(granted("victim", "holder-1")),
                    Foreign(granted("guardian", "holder-2")),
                    Foreign(granted("guardian", "holder-2", status="frozen")),
                    Foreign(revoked("holder-2")),
                    Foreign(LAWYER),
                    Foreign(CLOSED),
                    Foreign(PLANNED),
                    Foreign(ErasurePlanned(erasure="erasure-2")),
                    Foreign(ERASED),
                    Foreign(HoldPlaced(hold="hold-1", reason="proceedings")),
                    Foreign(HoldLifted(hold="hold-1")),
                    Foreign(uploaded("exhibit-1"), stream="exhibit-1"),
                    Foreign(uploaded("exhibit-2"), stream="exhibit-2"),
                ]
            ),
            st.sampled_from([VIEW, CLEARED, FAILED]),
        ),
        max_size=12,
    )
