from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st

from services.notify.domain.outcomes import RecordFailed, RecordSent, RecordTaken
from services.notify.service import service
from shared.contracts.intake import (
    AccessRevoked,
    CaseAssigned,
    CaseClosed,
    CaseErased,
    CaseEscalated,
    ErasurePlanned,
    IdentityProven,
)
from shared.ids import derived
from tests.given import CASE, NOON
from tests.laws import AggregateLaws, Foreign
from tests.services.notify.cases import CONTACT, DAY, deadline, granted, hearing, opened, told, updated
from tests.services.notify.domain.test_planning import FACTS

HEARING = st.builds(
    hearing,
    status=st.sampled_from(["scheduled", "moved", "cancelled", "held"]),
    day=st.sampled_from([DAY, DAY + timedelta(days=30), NOON.date()]),
    revision=st.integers(0, 2),
    key=st.sampled_from(["hearing-1", "hearing-2"]),
)
INTAKE = st.one_of(
    st.builds(updated, contact=st.sampled_from([None, CONTACT]), persona=st.sampled_from(["victim", "witness"])),
    st.builds(
        granted,
        role=st.sampled_from(["victim", "guardian", "witness"]),
        status=st.sampled_from(["invited", "accepted", "frozen"]),
        access=st.sampled_from(["access-1", "access-2"]),
    ),
    st.sampled_from(
        [
            AccessRevoked(access="access-1"),
            CaseClosed(reason="done"),
            CaseEscalated(escalation="e-1", reason="danger"),
            CaseEscalated(escalation=derived("deadline", "deadline-1"), reason="deadline"),
            CaseEscalated(escalation=derived("destruction-failed", "erasure-1"), reason="retention"),
            CaseAssigned(role="case-worker", staff="staff-1"),
            CaseAssigned(role="lawyer", staff="staff-2"),
            IdentityProven(means="in-person", proven_by="staff-1"),
            ErasurePlanned(erasure="erasure-1"),
            CaseErased(erasure="erasure-1", certificate="0" * 64),
        ]
    ),
)
FOREIGN = st.one_of(
    INTAKE.map(Foreign),
    HEARING.map(Foreign),
    st.builds(
        deadline,
        last_day=st.sampled_from([DAY, NOON.date()]),
        key=st.sampled_from(["deadline-1", "deadline-2"]),
        kind=st.sampled_from(["press-limit", "data-retention", "hearing", "no-answer"]),
    ).map(Foreign),
    st.sampled_from([fact for fact, _, _ in FACTS]).map(Foreign),
)
NOTIFICATION = st.sampled_from(
    [("diagnosis-ready", "diagnosis-1"), ("hearing-scheduled", "hearing-1.0"), ("opened", "case")]
)
ALARM = st.sampled_from(
    ["e-1", derived("destruction-failed", "erasure-1"), derived("alarm", CASE, NOON.isoformat(), "closes"), "unknown"]
)
COMMANDS = st.one_of(
    NOTIFICATION.map(
        lambda one: RecordSent(case=CASE, notification=told(*one), template=one[0], sent_at=NOON),
    ),
    NOTIFICATION.map(
        lambda one: RecordFailed(case=CASE, notification=told(*one), template=one[0], reason="not-wanted"),
    ),
    ALARM.map(lambda alarm: RecordTaken(case=CASE, alarm=alarm, viewer="staff-1", role="lawyer")),
)


class TestCase(AggregateLaws):
    service = service
    aggregate = "case"
    histories = st.builds(
        lambda persona, rest: [Foreign(opened(persona=persona)), *rest],
        st.sampled_from(["victim", "guardian", "witness"]),
        st.lists(st.one_of(FOREIGN, COMMANDS), max_size=12),
    )
