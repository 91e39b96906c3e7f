from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from hypothesis import strategies as st

from services.legal.domain import opening
from services.legal.domain.complaint import AbandonDraft
from services.legal.domain.hearings import EndHearing, MoveHearing, TakeCourtNotice
from services.legal.domain.holding import ClearingFailed, DocumentsCleared, RecordView
from services.legal.domain.requests import (
    AnswerRemoval,
    IdentifyAuthor,
    RequestIdentification,
    RequestPreservation,
    RequestRemoval,
)
from services.legal.service import service
from shared.contracts.everyone import ErasureObjected
from shared.contracts.evidence import (
    ActsExtracted,
    EvidenceQuarantined,
    EvidenceRefused,
    EvidenceWithdrawn,
)
from shared.contracts.intake import CaseClosed, CaseErased, ErasurePlanned
from tests.given import CASE, NOON
from tests.laws import AGE_MARK, AggregateLaws, Foreign, recorded
from tests.services.legal import affairs

KINDS = st.sampled_from(["insult", "threat", "repeated-messages", "blackmail", "doxing", "unknown-kind"])
DAYS = st.dates(date(2026, 6, 1), affairs.TODAY)
NAMES = st.sampled_from(["one", "two"])
ACTS = st.lists(
    st.builds(affairs.act, NAMES, KINDS, DAYS, hate_ground=st.booleans(), public=st.sampled_from([None, True, False])),
    min_size=1,
    max_size=2,
    unique_by=lambda one: one.act,
)
RANGE = st.sampled_from([None, 1, 5, 40])


def exhibits() -> st.SearchStrategy[Foreign]:
    def of(exhibit: str) -> st.SearchStrategy[Foreign]:
        facts = st.sampled_from(
            [
                affairs.uploaded(exhibit),
                affairs.stamped(exhibit),
                affairs.stamped(exhibit, qualification="qualified"),
                EvidenceRefused(exhibit=exhibit, reason="unreadable"),
                EvidenceQuarantined(exhibit=exhibit, reason="virus"),
                EvidenceWithdrawn(exhibit=exhibit),
                ActsExtracted(
                    extraction=f"{exhibit}-read",
                    exhibit=exhibit,
                    acts=(affairs.act(f"{exhibit}-act", "insult", date(2026, 9, 10)),),
                    sealed_acts=affairs.sealed("acts"),
                ),
            ]
        )
        return st.builds(Foreign, facts, source=st.just("evidence"), stream=st.just(exhibit))

    return NAMES.flatmap(of)


def foreign() -> st.SearchStrategy[Foreign]:
    said = st.one_of(
        st.builds(lambda acts, most: affairs.opened(*acts, authors_at_most=most), ACTS, RANGE),
        st.builds(lambda acts, most: affairs.updated(*acts, authors_at_most=most), ACTS, RANGE),
        st.sampled_from([*affairs.team(), affairs.proven(), CaseClosed(reason="solved")]),
        st.builds(ErasurePlanned, erasure=NAMES),
        st.just(CaseErased(erasure="one", certificate="d" * 64)),
    )
    objected = st.builds(
        Foreign, st.builds(ErasureObjected, erasure=NAMES, reason=st.just("held")), st.just("evidence")
    )
    return st.one_of(st.builds(Foreign, said), exhibits(), objected)


LATER = affairs.TODAY + timedelta(days=40)
COMMANDS: list[Any] = [
    affairs.diagnosis(sealed_advice=affairs.sealed("advice")),
    affairs.drafting(),
    affairs.drafted(),
    affairs.drafted(draft=2, commitment="f" * 64),
    affairs.approval(),
    affairs.filing(),
    affairs.answer(),
    affairs.answer("answer-2", "refused"),
    affairs.answer("answer-3", "prosecuted"),
    affairs.drafting("complaint-2", 1, "civil-party"),
    affairs.hearing(),
    affairs.hearing("hearing-2", "civil"),
    MoveHearing(case=CASE, hearing="hearing-1", day=LATER, sealed_details=affairs.sealed("elsewhere")),
    EndHearing(case=CASE, hearing="hearing-1", status="cancelled"),
    TakeCourtNotice(
        case=CASE, notice="notice", kind="civil", status="moved", day=LATER, sealed_details=affairs.sealed("court")
    ),
    affairs.hearing("hearing-3", day=affairs.TODAY),
    affairs.judgment(hearing="hearing-3", sealed_damages=affairs.sealed("damages")),
    RequestRemoval(
        case=CASE,
        removal="removal-1",
        step="regulator",
        day=affairs.TODAY,
        sealed_target=affairs.sealed("url"),
        asked_by=affairs.WORKER,
    ),
    AnswerRemoval(
        case=CASE,
        answer_id="answer",
        removal="removal-1",
        answer="removed",
        day=affairs.TODAY,
        told_by=affairs.WORKER,
    ),
    RequestPreservation(
        case=CASE,
        preservation="kept-1",
        data="technical",
        act="one",
        day=affairs.TODAY,
        sealed_target=affairs.sealed("account"),
        asked_by=affairs.WORKER,
    ),
    RequestIdentification(
        case=CASE,
        identification="who-1",
        author="author-1",
        authority="police",
        data="technical",
        day=affairs.TODAY,
        sealed_target=affairs.sealed("who"),
        asked_by=affairs.WORKER,
    ),
    IdentifyAuthor(
        case=CASE,
        identification="who-1",
        day=affairs.TODAY,
        sealed_identity=affairs.sealed("name"),
        told_by=affairs.LAWYER,
    ),
    DocumentsCleared(case=CASE, erasure="one"),
    ClearingFailed(case=CASE, erasure="two"),
    RecordView(case=CASE, viewer=affairs.LAWYER, role="lawyer", record="diagnosis"),
    AbandonDraft(case=CASE, complaint="complaint-1", draft=1),
]
BEGUN = [Foreign(one) for one in (affairs.opened(), *affairs.team(), affairs.proven())]


class TestTheCaseObeysTheLaws(AggregateLaws):
    service = service
    aggregate = "case"
    histories = st.one_of(
        st.lists(st.one_of(foreign(), st.sampled_from(COMMANDS)), max_size=14),
        st.builds(
            lambda items: [*BEGUN, *items],
            st.lists(st.one_of(foreign(), st.sampled_from(COMMANDS)), max_size=14),
        ),
        st.builds(
            lambda facts, end: [*BEGUN, *COMMANDS[:7], *facts, *COMMANDS[7:], *end],
            st.lists(foreign(), max_size=3),
            st.lists(st.just(Foreign(CaseErased(erasure="one", certificate="d" * 64))), max_size=1),
        ),
    )

    def outcome(self, state: Any) -> Any:
        """All that is known, and that no deadline still waits to be said.

        What was said on the way (limits and pages of an act that was corrected later, or before the case ended) may
        differ with the order of arrival, and so may the sequences under which own secrets are kept.
        """
        ended = not state.live
        said = state.model_copy(
            update={
                "latest": None,
                "threatened": frozenset(),
                "sealed": {},
                "computed": None if ended else state.computed,
            }
        )
        waiting = [one.id for one in opening.waiting(state) if one.alert <= NOON + self.horizon]
        return said, {name: one.value for name, one in state.sealed.items()}, [] if ended else waiting


class TestTheFoldersObeyTheLaws(AggregateLaws):
    service = service
    aggregate = "folder"
    key = f"{CASE}.0"
    histories = st.lists(
        st.one_of(exhibits(), st.just(Foreign(CaseErased(erasure="one", certificate="d" * 64)))), max_size=12
    )


def test_an_erased_case_keeps_nothing_sealed_of_a_whole_procedure():
    laws = TestTheCaseObeysTheLaws()
    loaded, _ = laws.play(recorded([*BEGUN, *COMMANDS]))
    assert AGE_MARK in loaded.state.model_dump_json()
    erased = recorded([*BEGUN, *COMMANDS, Foreign(CaseErased(erasure="one", certificate="d" * 64)), BEGUN[0]])
    loaded, _ = laws.play(erased)
    assert loaded.state.file.erased
    assert AGE_MARK not in loaded.state.model_dump_json()
    assert loaded.wake is None
