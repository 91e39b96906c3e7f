from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from services.notify.domain.outcomes import RecordFailed, RecordSent
from services.notify.domain.planning import standing
from services.notify.domain.state import TOLD, Case, evolve
from services.notify.letters import templates
from services.notify.service import service
from shared.contracts.billing import CoverDecided, PaymentReceived, PaymentRefunded, PaymentRequested
from shared.contracts.everyone import ErasureCleared
from shared.contracts.evidence import EvidenceRefused, EvidenceTimestamped
from shared.contracts.intake import AccessRevoked, CaseClosed, CaseErased, ErasurePlanned
from shared.contracts.legal import (
    AuthorIdentified,
    CaseDiagnosed,
    ComplaintAnswered,
    ComplaintApproved,
    ComplaintFiled,
    DeadlineThreatened,
    JudgmentGiven,
    RemovalAnswered,
)
from shared.contracts.notify import NotificationFailed, NotificationSent
from shared.money import Money
from shared.trust.sealing import seal
from tests.given import CASE, NOON, Given, followed
from tests.services.notify.cases import (
    CONTACT,
    DAY,
    IDENTITY,
    a_case,
    asked,
    deadline,
    granted,
    hearing,
    later,
    opened,
    sealed_contact,
    told,
    updated,
)

SEALED = seal({"x": 1}, IDENTITY.recipient)
EURO = Money(cents=8000)
TIMESTAMPED = EvidenceTimestamped(
    exhibit="exhibit-1", gen_time=NOON, authority="tsa", policy="1.2", qualification="unknown", token="token-1"
)
DIAGNOSED = CaseDiagnosed(
    diagnosis="diagnosis-1",
    eligible=True,
    offences=(),
    limits=(),
    feasibility=(),
    solidity="A",
    options=("complaint",),
    approved_by="lawyer-1",
)
FACTS = [
    (TIMESTAMPED, "evidence-kept", "2026-11-23"),
    (EvidenceRefused(exhibit="exhibit-1", reason="empty"), "evidence-refused", "2026-11-23"),
    (DIAGNOSED, "diagnosis-ready", "diagnosis-1"),
    (
        ComplaintApproved(
            complaint="complaint-1", draft=2, procedure="simple", commitment="0" * 64, approved_by="lawyer-1"
        ),
        "complaint-ready",
        "complaint-1.2",
    ),
    (
        ComplaintFiled(
            complaint="complaint-1", draft=2, procedure="simple", mode="electronic", day=DAY, sealed_receipt=SEALED
        ),
        "complaint-filed",
        "complaint-1",
    ),
    (
        ComplaintAnswered(answer_id="answer-1", complaint="complaint-1", answer="registered", day=DAY),
        "answer-received",
        "answer-1",
    ),
    (
        RemovalAnswered(answer_id="answer-2", removal="removal-1", answer="removed", day=DAY),
        "answer-received",
        "removals.2026-11-23",
    ),
    (
        AuthorIdentified(identification="i-1", author="author-1", day=DAY, sealed_identity=SEALED),
        "news",
        "authors.2026-11-23",
    ),
    (
        JudgmentGiven(judgment="judgment-1", hearing="hearing-1", outcome="convicted", day=DAY, costs=EURO),
        "judgment-given",
        "judgment-1",
    ),
    (
        PaymentRequested(payment="payment-1", amount=EURO, payer="person", purpose="complaint"),
        "payment-requested",
        "payment-1",
    ),
    (
        PaymentReceived(payment="payment-1", amount=EURO, payer="person", provider_reference="ref-1"),
        "payment-received",
        "payment-1",
    ),
    (
        PaymentRefunded(refund="refund-1", payment="payment-1", amount=EURO, reason="time-barred"),
        "payment-refunded",
        "refund-1",
    ),
    (CoverDecided(cover="cover-1", decision="accepted"), "cover-decided", "cover-1"),
    (CaseClosed(reason="done"), "closed", "case"),
]


@pytest.mark.parametrize(
    ("fact", "template", "about"), FACTS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_each_fact_worth_telling_is_told_once_under_its_own_id(fact, template, about):
    case = a_case(fact)
    assert asked(case) == [template]
    assert told(template, about) in {job.subject for job in case.jobs}


def test_every_followed_fact_is_told_and_every_template_has_words():
    told_of = {type(fact) for fact, _, _ in FACTS}
    assert set(TOLD) - told_of == {type(hearing()), type(deadline())}
    assert {template for _, template, _ in FACTS} <= templates()


def test_opening_is_told():
    case = a_case()
    case.at()
    assert [job.payload["template"] for job in case.jobs] == ["opened"]
    assert case.jobs[0].kind == "send-mail"
    assert case.jobs[0].not_before is None


def test_many_exhibits_of_one_day_make_one_mail():
    assert asked(a_case(*[TIMESTAMPED.model_copy(update={"exhibit": f"e-{n}"}) for n in range(9)])) == ["evidence-kept"]


def test_what_the_insurer_or_the_convicted_pay_is_not_told():
    paid = PaymentReceived(payment="p", amount=EURO, payer="insurer", provider_reference="r")
    due = PaymentRequested(payment="p", amount=EURO, payer="insurer", purpose="complaint")
    assert asked(a_case(paid, due)) == []


def test_a_payment_that_is_there_is_not_asked_for():
    due = PaymentRequested(payment="p", amount=EURO, payer="person", purpose="complaint")
    paid = PaymentReceived(payment="p", amount=EURO, payer="person", provider_reference="r")
    assert asked(a_case(paid, due)) == ["payment-received"]


def test_a_fact_older_than_48_hours_is_not_told_because_the_service_is_new():
    assert asked(a_case(DIAGNOSED), later(hours=48)) == ["diagnosis-ready"]
    case = a_case(DIAGNOSED)
    case.at(later(hours=48, milliseconds=1))
    assert case.jobs == []


@pytest.mark.parametrize("persona", ["witness", "institution"])
def test_a_witness_or_an_institution_gets_no_mail(persona):
    assert asked(a_case(DIAGNOSED, role=persona)) == []


def test_a_guardian_who_opened_the_case_is_told():
    assert asked(a_case(DIAGNOSED, role="guardian")) == ["diagnosis-ready"]


@pytest.mark.parametrize(
    "facts",
    [
        (),
        (granted(status="invited"),),
        (granted(), granted(status="frozen")),
        (granted(), AccessRevoked(access="access-1")),
        (granted(role="guardian"),),
        (granted(), ErasurePlanned(erasure="erasure-1")),
        (granted(), CaseErased(erasure="erasure-1", certificate="0" * 64)),
    ],
    ids=["no access", "invited", "frozen", "revoked", "another's access", "erasure planned", "erased"],
)
def test_nobody_is_written_to_who_may_not_see_the_case(facts):
    case = Given(service, "case").facts(opened(), DIAGNOSED, *facts)
    case.at()
    assert case.jobs == []


def test_without_a_contact_nothing_is_planned_until_there_is_one():
    case = a_case(DIAGNOSED, contact=None)
    assert asked(case) == []
    case.facts(updated(CONTACT))
    assert asked(case) == ["diagnosis-ready"]


def test_without_an_opening_nothing_is_planned():
    case = Given(service, "case").facts(granted(), DIAGNOSED)
    case.at()
    assert case.jobs == []


def test_the_latest_contact_counts_and_an_update_without_one_keeps_it():
    newer = sealed_contact(channel="none")
    assert a_case(updated(newer), updated()).state.contact.value == newer


def test_once_the_victim_has_taken_over_the_victim_is_written_to():
    case = Given(service, "case").facts(
        opened(persona="witness"), granted(role="witness"), DIAGNOSED, updated(sealed_contact()), granted(access="a-2")
    )
    assert asked(case) == ["diagnosis-ready"]


def test_a_hearing_is_told_and_reminded_of_a_week_and_a_day_before():
    case = a_case(hearing())
    assert sorted(asked(case)) == ["hearing-eve", "hearing-scheduled", "hearing-week"]
    due = {job.payload["template"]: job.not_before for job in case.jobs}
    assert due["hearing-scheduled"] is None
    assert due["hearing-week"] == datetime(2026, 12, 6, 23, tzinfo=UTC)
    assert due["hearing-eve"] == datetime(2026, 12, 12, 23, tzinfo=UTC)
    assert {job.payload["template"]: job.payload["hearing"] for job in case.jobs}["hearing-scheduled"] == "hearing-1"


def test_a_hearing_known_late_is_not_reminded_of_at_once():
    assert sorted(asked(a_case(hearing(day=date(2026, 11, 27))))) == ["hearing-eve", "hearing-scheduled"]
    assert asked(a_case(hearing(day=date(2026, 11, 24)))) == ["hearing-scheduled"]


def test_a_hearing_known_long_ago_is_still_reminded_of_by_a_new_service():
    case = a_case(hearing())
    assert sorted(asked(case, later(days=15))) == ["hearing-eve", "hearing-week"]
    assert asked(case, later(days=20)) == ["hearing-eve"]
    assert asked(case, later(days=21)) == []


def test_a_moved_hearing_replaces_what_was_planned():
    case = a_case(hearing(), hearing(status="moved", day=date(2027, 1, 11), revision=1))
    assert sorted(asked(case)) == ["hearing-eve", "hearing-moved", "hearing-week"]
    for template, about in [("hearing-scheduled", "hearing-1.0"), ("hearing-week", "hearing-1.2026-12-14")]:
        assert standing(case.state, told(template, about)) is None
    moved = standing(case.state, told("hearing-eve", "hearing-1.2027-01-11"))
    assert moved is not None
    assert moved.due == datetime(2027, 1, 9, 23, tzinfo=UTC)


def test_a_cancelled_hearing_is_told_and_not_reminded_of():
    assert asked(a_case(hearing(), hearing(status="cancelled", revision=1))) == ["hearing-cancelled"]


def test_a_hearing_that_was_held_is_not_told():
    assert asked(a_case(hearing(), hearing(status="held", revision=1))) == []


def test_a_deadline_is_told_and_reminded_of_a_week_before():
    case = a_case(deadline())
    assert sorted(asked(case)) == ["deadline", "deadline-week"]
    (week,) = [job for job in case.jobs if job.payload["template"] == "deadline-week"]
    assert week.not_before == datetime(2026, 12, 6, 23, tzinfo=UTC)


def test_a_deadline_that_changes_is_told_anew_and_the_old_one_not():
    case = a_case(deadline(), deadline(last_day=DAY + timedelta(days=30)))
    assert sorted(asked(case)) == ["deadline", "deadline-week"]
    assert standing(case.state, told("deadline-week", "2026-12-14")) is None


def test_a_raid_of_many_acts_makes_one_mail_a_day_and_one_reminder_a_last_day():
    many = [deadline(key=f"deadline-{number}", last_day=DAY + timedelta(days=number % 2)) for number in range(9)]
    assert sorted(asked(a_case(*many))) == ["deadline", "deadline-week", "deadline-week"]


def test_the_deadline_of_a_hearing_is_left_to_the_hearings_own_mails():
    threat = DeadlineThreatened(deadline="deadline-1", kind="hearing", last_day=DAY)
    assert asked(a_case(threat)) == []


def test_a_deadline_mail_says_nothing_after_the_last_day():
    near = standing(a_case(deadline(last_day=date(2026, 11, 24))).state, told("deadline", "2026-11-23"))
    assert near is not None
    assert near.until == datetime(2026, 11, 24, 23, tzinfo=UTC)


def test_a_closed_case_has_no_deadlines_left():
    assert asked(a_case(deadline(), CaseClosed(reason="done"))) == ["closed"]


def test_what_was_sent_or_failed_is_not_asked_again():
    case = a_case(DIAGNOSED, hearing())
    sent, failed = told("diagnosis-ready", "diagnosis-1"), told("hearing-scheduled", "hearing-1.0")
    assert case.when(RecordSent(case=CASE, notification=sent, template="diagnosis-ready", sent_at=NOON)) == (
        NotificationSent(notification=sent, template="diagnosis-ready", channel="email", sent_at=NOON),
    )
    assert case.when(
        RecordFailed(case=CASE, notification=failed, template="hearing-scheduled", reason="not-wanted")
    ) == (NotificationFailed(notification=failed, template="hearing-scheduled", channel="email", reason="not-wanted"),)
    assert sorted(asked(case)) == ["hearing-eve", "hearing-week"]


def test_a_second_result_of_the_same_notification_changes_nothing():
    case = a_case(DIAGNOSED)
    sent = told("diagnosis-ready", "diagnosis-1")
    case.when(RecordSent(case=CASE, notification=sent, template="diagnosis-ready", sent_at=NOON))
    assert case.when(RecordFailed(case=CASE, notification=sent, template="diagnosis-ready", reason="late")) == ()
    assert case.state.outcomes[sent].reason is None


def test_a_planned_erasure_is_cleared_at_once_and_once_and_drops_what_is_sealed():
    case = a_case(hearing(), ErasurePlanned(erasure="erasure-1"))
    assert case.at() == (ErasureCleared(erasure="erasure-1"),)
    assert case.at() == ()
    assert case.state.cleared == {"erasure-1"}
    case.facts(updated(CONTACT), hearing(status="moved", revision=1))
    assert case.state.contact.value is None
    assert case.state.hearings["hearing-1"].value.sealed_details is None
    assert case.state.hearings["hearing-1"].value.status == "moved"


def test_each_of_two_erasures_is_cleared():
    case = a_case(ErasurePlanned(erasure="erasure-1"), ErasurePlanned(erasure="erasure-2"))
    assert case.at() == (ErasureCleared(erasure="erasure-1"), ErasureCleared(erasure="erasure-2"))


def test_what_happens_twice_in_a_day_is_as_old_as_its_first_whichever_arrives_first():
    early = followed(TIMESTAMPED, sequence=1)
    late = replace(followed(TIMESTAMPED, sequence=2), time=later(hours=3))
    states = [evolve(evolve(Case(), one), other) for one, other in [(early, late), (late, early)]]
    assert states[0] == states[1]
    assert states[0].occasions[told("evidence-kept", "2026-11-23")].at == NOON
