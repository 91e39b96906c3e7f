from __future__ import annotations

from datetime import date, timedelta

import pytest

from services.legal.domain import opening
from services.legal.domain.state import MOST_ACTS, Case, acts, reported
from services.legal.rules import load
from services.legal.rules.parameters import AlertParameters
from shared.clock import start_of_paris_day
from shared.contracts.evidence import ActsExtracted, EvidenceWithdrawn
from shared.contracts.intake import CaseClosed, CaseErased
from shared.contracts.legal import DeadlineThreatened, LimitationComputed
from tests.given import NOON, Given
from tests.services.legal import affairs
from tests.services.legal.affairs import TODAY, act, at, case, days, names

THRESHOLD = load().one(AlertParameters, TODAY)[1].days_below


def extracted(*found, name="read-1", exhibit="exhibit-1"):
    return ActsExtracted(extraction=name, exhibit=exhibit, acts=found, sealed_acts=affairs.sealed())


def threats(events):
    return [(one.kind, one.last_day) for one in events if isinstance(one, DeadlineThreatened)]


def earliest_of(events):
    return [one for one in events if isinstance(one, LimitationComputed)][-1]


def test_limits_are_published_at_opening_before_any_human():
    found = Given(case().service, "case").facts(affairs.opened(act(day=date(2026, 11, 1))))
    said = earliest_of(found.at())
    press = [one for one in said.limits if one.qualification is None]
    assert [(one.act, one.last_day) for one in press] == [("act-1", date(2027, 2, 1))]
    assert said.earliest == date(2027, 2, 1)
    assert "limitation.press" in press[0].rules


def test_the_same_facts_are_not_published_twice():
    found = case()
    assert "limitation-computed" in names(found.at())
    assert found.at() == ()
    found.facts(affairs.updated(spreading=True), affairs.proven())
    assert found.at() == ()


def test_a_new_act_is_published_at_once():
    found = case(act(day=days(-2)))
    found.at()
    found.facts(affairs.updated(act(day=days(-2)), act("act-2", day=days(-1))))
    said = earliest_of(found.at())
    assert {one.act for one in said.limits} == {"act-1", "act-2"}


def test_an_act_read_from_an_exhibit_counts_until_the_exhibit_is_taken_back():
    found = case(act(day=TODAY))
    found.at()
    found.facts(extracted(act("read-act", day=days(-60))))
    assert threats(found.at())
    assert len(reported(found.state)) == 2
    found.facts(EvidenceWithdrawn(exhibit="exhibit-1"))
    said = earliest_of(found.at())
    assert {one.act for one in said.limits} == {"act-1"}


def test_an_act_that_the_person_told_is_not_told_again_by_an_exhibit():
    found = case(act("act-1", day=days(-1))).facts(extracted(act("act-1", day=days(-9))))
    assert [one.day for one in reported(found.state)] == [days(-1)]


def test_an_act_dated_in_the_future_has_no_limit_yet():
    found = case(act(day=TODAY)).facts(extracted(act("misread", day=days(400))))
    assert {one.act for one in earliest_of(found.at()).limits} == {"act-1"}
    assert [one.id for one in acts(found.state, days(400))] == ["act-1", "misread"]


def test_of_very_many_acts_the_newest_are_kept():
    many = tuple(act(f"read-{number}", day=days(-number)) for number in range(MOST_ACTS))
    found = case(act(day=days(-3))).facts(extracted(*many))
    kept = reported(found.state)
    assert len(kept) == MOST_ACTS
    assert kept[0].act == "act-1"
    assert "read-0" in {one.act for one in kept}
    assert f"read-{MOST_ACTS - 1}" not in {one.act for one in kept}
    said = earliest_of(found.at())
    assert len([one for one in said.limits if one.qualification is None]) == MOST_ACTS
    assert len(said.model_dump_json()) < 64_000


def test_an_unknown_case_has_nothing_to_say():
    assert not list(opening.react(Case(), NOON))
    assert opening.wake(Case()) is None
    assert opening.waiting(Case()) == ()


def test_a_press_limit_under_the_threshold_pages_at_opening():
    found = case(act(day=TODAY - timedelta(days=60)))
    said = threats(found.at())
    assert ("press-limit", date(2026, 12, 24)) in said
    assert found.at() == ()


def test_a_press_limit_over_the_threshold_pages_when_its_day_comes():
    found = case(act(day=TODAY))
    assert not threats(found.at())
    last_day = date(2027, 2, 23)
    first = start_of_paris_day(last_day - timedelta(days=THRESHOLD - 1))
    assert found.loaded.wake == first
    assert not threats(found.at(first - timedelta(seconds=1)))
    assert threats(found.at(first)) == [("press-limit", last_day)]


def test_a_raid_of_one_day_pages_once():
    raid = [act(f"act-{number}", day=TODAY - timedelta(days=80)) for number in range(30)]
    said = threats(case(*raid).at())
    assert len([one for one in said if one[0] == "press-limit" and one[1] < days(45)]) == 1


def test_a_limit_that_was_over_at_opening_pages_nobody():
    found = case(act(day=date(2024, 1, 2)))
    assert all(last_day >= TODAY for _, last_day in threats(found.at()))
    assert not [one for one in threats(found.events) if one[0] == "press-limit"]


def test_a_limit_that_passed_while_the_service_was_away_is_still_said():
    found = case(act(day=TODAY))
    found.at()
    assert ("press-limit", date(2027, 2, 23)) in threats(found.at(at(date(2027, 6, 1))))


def test_the_hate_limit_of_an_act_whose_short_limit_is_over_pages_too():
    found = case(act(day=TODAY - timedelta(days=340)))
    assert ("press-limit", date(2026, 12, 18)) in threats(found.at())


def test_technical_data_about_to_go_page_as_retention():
    found = case(act(kind="threat", day=TODAY - timedelta(days=340)))
    assert ("data-retention", date(2026, 12, 18)) in threats(found.at())


def test_technical_data_of_an_act_offline_are_not_counted():
    found = case(act(kind="threat", day=TODAY - timedelta(days=340), online=False))
    assert not [one for one in threats(found.at()) if one[0] == "data-retention"]


def test_an_ordinary_offence_pages_as_limitation_near_its_end():
    found = case(act(kind="threat", day=date(2020, 12, 1)))
    assert ("limitation", date(2026, 12, 1)) in threats(found.at())


def test_a_closed_case_pages_nobody():
    found = case(act(day=TODAY - timedelta(days=60))).facts(CaseClosed(reason="solved"))
    assert found.at() == ()
    assert found.loaded.wake is None


def test_an_erased_case_is_silent_for_ever():
    found = case(act(day=TODAY))
    found.at()
    found.facts(CaseErased(erasure="erasure-1", certificate="d" * 64))
    assert found.at(at(date(2027, 2, 20))) == ()
    assert found.loaded.wake is None


def test_a_complaint_without_answer_opens_the_next_way_after_the_delay_of_the_rules():
    found = affairs.filed(act(kind="threat"))
    opens = opening.silence_ends(TODAY, TODAY)
    assert opens == date(2027, 2, 23)
    said = threats(found.at(start_of_paris_day(opens)))
    assert ("no-answer", opens) in said
    assert not threats(found.at(at(opens)))


def test_a_complaint_recorded_long_after_its_filing_is_said_at_once():
    found = affairs.approved(act(kind="threat"))
    later = date(2027, 6, 1)
    events = found.when(affairs.filing(day=TODAY), at(later))
    assert ("no-answer", date(2027, 2, 23)) in threats(events)


@pytest.mark.parametrize("said", ["refused", "closed", "prosecuted"])
def test_an_answered_complaint_is_no_silence(said):
    found = affairs.filed(act(kind="threat"))
    found.when(affairs.answer(said=said))
    assert ("no-answer", date(2027, 2, 23)) not in threats(found.at(at(date(2027, 3, 1))))


def test_a_registered_complaint_may_still_meet_silence():
    found = affairs.filed(act(kind="threat"))
    found.when(affairs.answer(said="registered"))
    assert ("no-answer", date(2027, 2, 23)) in threats(found.at(at(date(2027, 3, 1))))


def test_a_simple_complaint_suspends_an_ordinary_limit():
    found = affairs.filed(act(kind="threat", day=days(-10)))
    before = opening.limits_of(acts(found.state, TODAY), (), TODAY)
    after = opening.limits_of(acts(found.state, TODAY), opening.steps(found.state), days(100))
    longest = {one.offence: one.last_day for one in after}
    assert any(longest[one.offence] > one.last_day for one in before)


def test_prosecution_and_judgment_are_steps_too():
    found = affairs.filed(act(kind="threat"))
    found.when(affairs.answer(said="prosecuted"))
    found.when(affairs.hearing(day=TODAY))
    found.when(affairs.judgment())
    assert {one.kind.value for one in opening.steps(found.state)} == {"simple-complaint", "prosecution", "judgment"}


def test_rules_that_open_nothing_after_silence_page_nobody(monkeypatch):
    found = affairs.filed(act(kind="threat"))
    monkeypatch.setattr(opening, "silence_ends", lambda *_: None)
    assert not [one for one in opening.waiting(found.state) if one.kind == "no-answer"]
