"""Whom a case needs: pages to the team, until somebody took it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from services.intake.domain.case import Case as IntakeCase
from services.intake.domain.case import react as intake_reacts
from services.intake.domain.ending import failed as intake_names
from services.intake.domain.facts import evolve as intake_folds
from services.notify.domain.alarms import standing_alarms
from services.notify.domain.outcomes import RecordFailed, RecordSent, RecordTaken
from services.notify.domain.paging import PAGE, standing_page
from services.notify.service import service
from shared.contracts.everyone import RecordViewed
from shared.contracts.intake import CaseAssigned, CaseClosed, CaseErased, CaseEscalated, ErasurePlanned
from shared.ids import derived
from tests.given import CASE, NOON, Given, followed
from tests.services.notify.cases import DAY, deadline, granted, later, opened

DANGER = CaseEscalated(escalation="danger-1", reason="danger")
TAKEN = CaseAssigned(role="case-worker", staff="claire")


def a_case(*facts):
    """A case of a person who is not written to, so that all jobs are pages."""
    return Given(service, "case").facts(opened(persona="witness"), granted(role="witness"), *facts)


def escalated(key="deadline-1", reason="deadline"):
    return CaseEscalated(escalation=derived("deadline", key), reason=reason)


def paged(case, now=NOON):
    """The pages asked for at ``now``: template and when it is due."""
    case.jobs.clear()
    case.at(now)
    assert {one.kind for one in case.jobs} <= {PAGE}
    return [(one.payload["template"], one.not_before) for one in case.jobs]


def told_each(case, until):
    """Play every page as sent when it is due, up to ``until``; the instants at which they were."""
    at, sent = NOON, []
    while True:
        case.jobs.clear()
        case.at(at)
        if not case.jobs:
            return sent
        (job,) = case.jobs
        at = job.not_before or at
        if at > until:
            return sent
        sent.append(at)
        payload = job.payload
        assert standing_page(case.state, payload["alarm"], job.subject).due <= at
        case.when(RecordSent(case=CASE, notification=job.subject, template=payload["template"], sent_at=at), at)


def hours(sent):
    return [(one - NOON) / timedelta(hours=1) for one in sent]


def taken(case, alarm):
    return case.when(RecordTaken(case=CASE, alarm=alarm, viewer="claire", role="case-worker"))


def keys(case):
    return {one.key for one in standing_alarms(case.state)}


def test_a_danger_pages_at_once_even_where_the_person_gets_no_mail():
    assert paged(a_case(DANGER)) == [("team-danger", None)]


def test_a_danger_is_repeated_each_quarter_for_two_hours_then_each_hour_of_a_day():
    sent = hours(told_each(a_case(DANGER), later(days=30)))
    assert sent[:9] == [0.25 * number for number in range(9)]
    assert sent[9:] == list(range(3, 25))


def test_two_dangers_are_two_pages():
    other = CaseEscalated(escalation="danger-2", reason="danger")
    assert paged(a_case(DANGER, other)) == [("team-danger", None)] * 2


def test_a_page_that_could_not_be_sent_leaves_the_next_one_to_its_hour():
    case = a_case(DANGER)
    case.at()
    (job,) = case.jobs
    case.when(RecordFailed(case=CASE, notification=job.subject, template="team-danger", reason="no-operator"))
    assert paged(case) == [("team-danger", later(minutes=15))]


def test_what_came_due_while_the_relay_was_away_is_said_once():
    case = a_case(DANGER)
    case.at()
    (job,) = case.jobs
    case.when(
        RecordFailed(case=CASE, notification=job.subject, template="team-danger", reason="too-late"),
        later(minutes=50),
    )
    assert paged(case, later(minutes=50)) == [("team-danger", None)]
    (job,) = case.jobs
    assert standing_page(case.state, "danger-1", job.subject).due == later(minutes=45)


def test_a_page_gives_way_to_the_next_one_at_the_instant_at_which_that_is_due():
    case = a_case(DANGER)
    assert paged(case, later(minutes=15)) == [("team-danger", None)]
    (job,) = case.jobs
    assert standing_page(case.state, "danger-1", job.subject).due == later(minutes=15)


def test_taking_the_case_after_the_escalation_stops_the_pages_in_whatever_order_it_is_heard():
    escalation, assignment = followed(DANGER, sequence=3), followed(TAKEN, sequence=4)
    declared = service.aggregate("case")
    for order in [(escalation, assignment), (assignment, escalation)]:
        state = declared.state()
        for fact in order:
            state = declared.evolve(state, fact)
        assert list(standing_alarms(state)) == []


def test_having_had_the_case_before_takes_nothing():
    assert paged(a_case(TAKEN, DANGER)) == [("team-danger", None)]


def test_an_accountant_takes_no_alarm():
    assert paged(a_case(DANGER, CaseAssigned(role="accountant", staff="paul"))) == [("team-danger", None)]


def test_opening_the_pages_link_takes_the_alarm_by_its_name_once():
    case = a_case(TAKEN, DANGER, deadline())
    assert len(keys(case)) == 2
    assert taken(case, "danger-1") == (
        RecordViewed(viewer="claire", role="case-worker", record="dossier", record_id="danger-1"),
    )
    assert taken(case, "danger-1") == ()
    assert [one.reason for one in standing_alarms(case.state)] == ["press-limit"]


def test_a_page_of_an_alarm_that_was_taken_or_never_was_does_not_stand():
    case = a_case(DANGER)
    case.at()
    (job,) = case.jobs
    assert standing_page(case.state, "danger-1", job.subject) is not None
    assert standing_page(case.state, "danger-1", "another") is None
    taken(case, "danger-1")
    assert standing_page(case.state, "danger-1", job.subject) is None
    assert taken(case, "unknown") == ()


def test_a_deadline_pages_each_day_and_every_four_hours_of_its_last_three_days():
    # Noon is 13:00 in Paris; the last day ends with the 27th.
    sent = hours(told_each(a_case(deadline(last_day=date(2026, 11, 27))), later(days=30)))
    assert sent == [0, 24, *(35 + 4 * number for number in range(18))]
    assert later(hours=sent[-1] + 4) == datetime(2026, 11, 27, 23, tzinfo=UTC)


def test_a_deadline_says_its_kind_and_its_last_day_inclusive():
    case = a_case(deadline(kind="data-retention"))
    (alarm,) = standing_alarms(case.state)
    assert (alarm.reason, alarm.last_day) == ("data-retention", DAY)


def test_deadlines_of_one_decision_are_one_page_that_names_the_nearest():
    case = a_case(*(deadline(key=f"deadline-{day}", last_day=DAY + timedelta(days=day)) for day in (9, 0, 3)))
    (alarm,) = standing_alarms(case.state)
    assert alarm.last_day == DAY
    assert paged(case) == [("team-deadline", None)]


def test_the_nearest_deadline_gives_the_reason_whatever_its_kind():
    near = deadline(key="deadline-2", kind="press-limit", last_day=DAY)
    far = deadline(kind="data-retention", last_day=DAY + timedelta(days=1))
    (alarm,) = standing_alarms(a_case(far, near).state)
    assert (alarm.reason, alarm.last_day) == ("press-limit", DAY)


def test_a_later_deadline_pages_again_although_the_first_was_taken():
    case = a_case(deadline())
    (key,) = keys(case)
    taken(case, key)
    fact = replace(followed(deadline(key="deadline-2"), sequence=9), time=later(hours=3))
    state = service.aggregate("case").evolve(case.state, fact)
    (alarm,) = standing_alarms(state)
    assert (alarm.at, alarm.key != key) == (later(hours=3), True)


def test_taking_the_case_after_intake_escalated_a_deadline_takes_it_and_not_before():
    lawyer = CaseAssigned(role="lawyer", staff="paul")
    assert paged(a_case(lawyer, deadline(), escalated())) == [("team-deadline", None)]
    assert paged(a_case(deadline(), escalated(), lawyer)) == []
    # Without the escalation the order of the two is not known: only the link takes it.
    assert paged(a_case(deadline(), lawyer)) == [("team-deadline", None)]


def test_a_case_worker_who_takes_the_case_does_not_stand_for_the_lawyer_whom_a_deadline_needs():
    assert paged(a_case(deadline(), escalated(), TAKEN)) == [("team-deadline", None)]


def test_the_escalation_of_a_deadline_is_no_second_page():
    assert paged(a_case(deadline(), escalated())) == [("team-deadline", None)]
    assert paged(a_case(escalated())) == []


def test_intake_escalates_a_deadline_under_the_id_that_is_expected_here():
    state = IntakeCase()
    for sequence, fact in enumerate((opened(), granted()), 1):
        state = intake_folds(state, followed(fact, sequence=sequence))
    state = intake_folds(state, followed(deadline()))
    assert next(iter(intake_reacts(state, NOON))) == escalated()


def test_a_silence_is_an_alarm_of_its_own_and_is_paged_eight_days_from_then_on():
    silence = deadline(key="deadline-2", kind="no-answer", last_day=NOON.date())
    assert len(keys(a_case(deadline(), silence))) == 2
    assert hours(told_each(a_case(silence), later(days=30))) == [24 * number for number in range(8)]


def test_a_deadline_that_was_over_when_it_was_told_is_looked_at_all_the_same():
    over = deadline(last_day=NOON.date() - timedelta(days=1))
    assert hours(told_each(a_case(over), later(days=30))) == [24 * number for number in range(8)]


def test_keys_that_could_not_be_destroyed_are_paged_even_of_a_closed_case():
    failed = CaseEscalated(escalation=intake_names("erasure-1"), reason="retention")
    planned = ErasurePlanned(erasure="erasure-1")
    case = a_case(CaseClosed(reason="done"), planned, failed)
    assert paged(case) == [("team-erasure", None)]
    assert paged(a_case(planned)) == []
    assert hours(told_each(a_case(planned, failed), later(days=30))) == [24 * number for number in range(8)]


@pytest.mark.parametrize(
    "end", [CaseClosed(reason="done"), CaseErased(erasure="erasure-1", certificate="0" * 64)], ids=["closed", "erased"]
)
def test_a_case_that_ended_needs_nobody(end):
    assert paged(a_case(DANGER, deadline(), end)) == []


def test_a_planned_erasure_does_not_silence_a_danger():
    assert paged(a_case(DANGER, ErasurePlanned(erasure="erasure-1"))) == [("team-danger", None)]


def test_an_old_fact_is_not_paged_at_once_because_the_service_is_new():
    case = a_case(deadline())
    assert paged(case, later(hours=48)) == [("team-deadline", None)]
    # Later than that: what is to come is still reminded of, at its own hour.
    assert paged(case, later(hours=49)) == [("team-deadline", later(hours=72))]
    assert paged(a_case(DANGER), later(hours=26)) == []


def test_a_page_that_went_before_makes_the_service_no_new_one():
    case = a_case(deadline())
    case.at()
    (job,) = case.jobs
    case.when(RecordSent(case=CASE, notification=job.subject, template="team-deadline", sent_at=NOON))
    assert paged(case, later(hours=49)) == [("team-deadline", None)]
