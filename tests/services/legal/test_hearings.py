from __future__ import annotations

import pytest

from services.legal.domain.hearings import (
    MOST_HEARINGS,
    EndHearing,
    MoveHearing,
    TakeCourtNotice,
    from_court,
)
from services.legal.domain.judgment import MOST_JUDGMENTS
from services.legal.service import service
from shared.contracts.intake import CaseErased
from shared.contracts.legal import HearingScheduled
from shared.contracts.partners import CourtNotice
from shared.errors import NotFound, Refused
from shared.money import Money
from tests.given import CASE, Given
from tests.services.legal import affairs
from tests.services.legal.affairs import TODAY, at, case, days, of


def refused(found, command, now=None):
    with pytest.raises(Refused) as refusal:
        found.when(command, *([now] if now else []))
    return refusal.value


def stated(events):
    return [one for one in events if isinstance(one, HearingScheduled)][-1]


def moving(day=None, hearing="hearing-1", **other):
    return MoveHearing(case=CASE, hearing=hearing, day=day or days(40), told_by=affairs.LAWYER, **other)


def ending(status, hearing="hearing-1", **other):
    return EndHearing(case=CASE, hearing=hearing, status=status, **{"told_by": affairs.LAWYER, **other})


def notice(status, kind="trial", day=None, name="notice-1"):
    sealed = affairs.sealed("court")
    return TakeCourtNotice(case=CASE, notice=name, kind=kind, status=status, day=day or days(40), sealed_details=sealed)


def test_a_hearing_is_scheduled_with_its_notice_checked():
    said = stated(case().when(affairs.hearing(day=days(30))))
    assert (said.status, said.revision, said.notice) == ("scheduled", 0, "lawful")
    assert said.rules == ("hearing.notice.prosecutor-summons",)
    assert said.sealed_details == affairs.sealed("room")


def test_a_notice_that_is_too_short_is_recorded_and_not_refused():
    assert stated(case().when(affairs.hearing(day=days(9)))).notice == "too-soon"
    assert stated(case().when(affairs.hearing(day=days(9), served_on=days(-1)))).notice == "lawful"


def test_distance_lengthens_the_notice():
    assert stated(case().when(affairs.hearing(day=days(30), area="elsewhere"))).notice == "too-soon"


def test_a_trial_is_called_as_the_complaint_was_filed():
    found = affairs.diagnosed()
    found.when(affairs.drafted(procedure="direct-summons"))
    found.when(affairs.approval(authors_of_age=True))
    found.when(affairs.filing(mode="bailiff"))
    assert stated(found.when(affairs.hearing())).rules == ("hearing.notice.direct-summons",)
    assert stated(found.when(affairs.hearing("h-2", called_by="press-summons"))).rules == (
        "hearing.notice.press-summons",
    )


def test_a_hearing_after_the_longest_delay_is_not_called_lawful():
    assert stated(case().when(affairs.hearing(kind="guilt", day=days(200)))).notice == "not-applicable"


def test_a_hearing_without_a_rule_of_notice_has_none_to_break():
    said = stated(case().when(affairs.hearing(kind="investigation", day=days(1))))
    assert (said.notice, said.rules) == ("not-applicable", ())


def test_a_hearing_in_the_past_is_refused():
    refusal = refused(case(), affairs.hearing(day=days(-1)))
    assert (refusal.code, refusal.field) == ("hearing-in-past", "day")


def test_a_call_served_in_the_future_is_refused():
    refusal = refused(case(), affairs.hearing(served_on=days(1)))
    assert (refusal.code, refusal.field) == ("day-in-future", "served_on")


def test_a_hearing_is_scheduled_once():
    found = case()
    found.when(affairs.hearing())
    assert found.when(affairs.hearing()) == ()
    assert refused(found, affairs.hearing(day=days(31))).code == "hearing-known"


def test_only_the_team_schedules():
    with pytest.raises(NotFound):
        case().when(affairs.hearing(told_by=affairs.VICTIM))
    with pytest.raises(NotFound):
        Given(service, "case").when(affairs.hearing())


def test_a_moved_hearing_keeps_its_details_and_counts_its_revisions():
    found = case()
    found.when(affairs.hearing())
    said = stated(found.when(moving()))
    assert (said.status, said.revision, said.day) == ("moved", 1, days(40))
    assert said.sealed_details == affairs.sealed("room")
    assert found.when(moving()) == ()
    said = stated(found.when(moving(sealed_details=affairs.sealed("other room"))))
    assert (said.revision, said.sealed_details) == (2, affairs.sealed("other room"))
    assert refused(found, moving(days(-1))).code == "hearing-in-past"


def test_an_unknown_hearing_is_neither_moved_nor_ended():
    with pytest.raises(NotFound):
        case().when(moving())
    with pytest.raises(NotFound):
        case().when(ending("cancelled"))


def test_a_cancelled_hearing_is_over():
    found = case()
    found.when(affairs.hearing())
    assert stated(found.when(ending("cancelled"))).status == "cancelled"
    assert found.when(ending("cancelled")) == ()
    assert refused(found, moving()).code == "hearing-over"
    assert refused(found, ending("held")).code == "hearing-over"


def test_a_hearing_is_held_on_its_day_not_before():
    found = case()
    found.when(affairs.hearing())
    assert refused(found, ending("held")).code == "day-in-future"
    said = stated(found.when(ending("held"), at(days(30))))
    assert (said.status, said.revision, said.sealed_details) == ("held", 1, affairs.sealed("room"))


def test_a_case_takes_so_many_hearings():
    found = case()
    for number in range(MOST_HEARINGS):
        found.when(affairs.hearing(f"hearing-{number}"))
    assert refused(found, affairs.hearing("one-more")).code == "too-many"


def test_a_courts_notice_schedules_moves_and_ends():
    found = case()
    message = CourtNotice(
        id="m-1", partner="court", case=CASE, kind="trial", status="scheduled", day=days(30), sealed_details="YWdl"
    )
    command = from_court(message, CASE, at(TODAY))
    said = stated(found.when(command))
    assert found.when(command) == ()
    moved = stated(found.when(notice("moved")))
    assert (moved.hearing, moved.status, moved.day) == (said.hearing, "moved", days(40))
    assert stated(found.when(notice("cancelled"))).status == "cancelled"


def test_a_notice_that_could_mean_two_hearings_or_none_is_refused():
    found = case()
    assert refused(found, notice("moved")).code == "hearing-not-clear"
    found.when(affairs.hearing("one"))
    found.when(affairs.hearing("two"))
    assert refused(found, notice("moved")).code == "hearing-not-clear"


def test_a_courts_notice_in_the_past_is_refused_too():
    assert refused(case(), notice("scheduled", day=days(-1))).code == "hearing-in-past"


# Judgments


def test_a_judgment_follows_a_known_hearing():
    found = case()
    found.when(affairs.hearing(day=TODAY))
    said = of(found.when(affairs.judgment(sealed_damages=affairs.sealed("damages"))), "judgment-given")
    assert (said.costs.cents, said.outcome) == (120_000, "convicted")
    assert found.when(affairs.judgment()) == ()


def test_a_judgment_without_its_hearing_is_refused():
    assert refused(case(), affairs.judgment()).code == "hearing-unknown"


def test_a_judgment_after_a_cancelled_hearing_is_refused():
    found = case()
    found.when(affairs.hearing(day=TODAY))
    found.when(ending("cancelled"))
    assert refused(found, affairs.judgment()).code == "hearing-cancelled"


def test_a_judgment_is_neither_in_the_future_nor_before_its_hearing():
    found = case()
    found.when(affairs.hearing(day=TODAY))
    assert refused(found, affairs.judgment(day=days(1))).code == "day-in-future"
    assert refused(found, affairs.judgment(day=days(-1))).code == "day-too-early"


@pytest.mark.parametrize("outcome", ["acquitted", "dismissed"])
def test_costs_need_a_conviction(outcome):
    found = case()
    found.when(affairs.hearing(day=TODAY))
    assert refused(found, affairs.judgment(outcome=outcome)).code == "costs-without-conviction"
    assert found.when(affairs.judgment(outcome=outcome, costs=Money(cents=0)))


def test_a_case_takes_so_many_judgments():
    found = case()
    found.when(affairs.hearing(day=TODAY))
    for number in range(MOST_JUDGMENTS):
        found.when(affairs.judgment(f"judgment-{number}"))
    assert refused(found, affairs.judgment("one-more")).code == "too-many"


def test_only_the_team_records_a_judgment_and_only_in_a_case():
    found = case()
    found.when(affairs.hearing(day=TODAY))
    with pytest.raises(NotFound):
        found.when(affairs.judgment(told_by=affairs.VICTIM))
    with pytest.raises(NotFound):
        Given(service, "case").when(affairs.judgment())
    with pytest.raises(NotFound):
        found.facts(CaseErased(erasure="e", certificate="d" * 64)).when(affairs.judgment())
