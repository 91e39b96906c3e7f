from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from services.intake.domain import case
from services.intake.domain import commands as asked
from services.intake.domain.triage import highest, near_from, of_facets
from services.intake.service import service
from shared.contracts.intake import CaseUpdated
from tests.given import CASE, Given
from tests.services.intake import cases
from tests.services.intake.histories import (
    absent,
    given,
    names,
    refused,
    threatened,
)


class TestOpening:
    def test_a_case_opens_with_an_access_for_who_opens_it(self):
        one = Given(service, "case")
        events: Any = one.when(cases.opening())
        assert names(events) == ["case-opened", "access-granted"]
        assert events[1].access == cases.LOCATOR
        assert one.state.file.role_of(cases.VICTIM) == "victim"
        assert case.references(one.state) == (f"locator:{cases.LOCATOR}",)

    def test_danger_escalates_at_once_and_is_critical(self):
        events: Any = Given(service, "case").when(cases.opening(danger=True, answered_by=cases.STAFF))
        assert names(events) == ["case-opened", "access-granted", "case-escalated"]
        assert events[0].facets.urgency == "critical"
        assert events[2].answered_by == cases.STAFF

    def test_repeated_it_opens_nothing_more(self):
        assert given(cases.opening()).when(cases.opening()) == ()

    def test_another_cannot_open_it_again(self):
        assert refused(given(cases.opening()), cases.opening(locator=cases.OTHER), "case-exists").conflict

    def test_a_guardian_is_as_a_witness_until_the_authority_is_checked(self):
        one = given(cases.opening("guardian"))
        assert one.state.file.role_of(cases.VICTIM) == "witness"
        assert not one.state.taken_over
        one.when(cases.assignment())
        events: Any = one.when(asked.CheckAuthority(case=CASE, by=cases.STAFF, access=cases.LOCATOR))
        assert events[0].role == "guardian"
        assert one.state.taken_over
        assert one.when(asked.CheckAuthority(case=CASE, by=cases.STAFF, access=cases.LOCATOR)) == ()

    @pytest.mark.parametrize(
        ("facets", "code", "field"),
        [
            ({"acts": (cases.act(day=cases.TODAY + timedelta(days=1)),)}, "day-in-future", "acts.0.day"),
            ({"acts": (cases.act(day=date(1900, 1, 1)),)}, "day-too-old", "acts.0.day"),
            ({"acts": (cases.act(kind="weather"),)}, "unknown-kind", "acts.0.kind"),
            ({"acts": (cases.act(), cases.act())}, "act-twice", "acts"),
            ({"authors_at_least": 3, "authors_at_most": 2}, "range-upside-down", "authors_at_most"),
            ({"on_behalf": True}, "victim-on-behalf", "on_behalf"),
        ],
    )
    def test_what_cannot_be_so_is_refused_with_its_field(self, facets, code, field):
        problem = refused(Given(service, "case"), cases.opening(facets=cases.facets(**facets)), code)
        assert problem.field == field

    def test_an_act_of_today_in_paris_is_no_act_to_come(self):
        before_midnight_utc = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)
        told = cases.facets(acts=(cases.act(day=date(2026, 11, 24)),), authors_at_least=2, authors_at_most=2)
        assert Given(service, "case").when(cases.opening(facets=told), before_midnight_utc)

    def test_a_case_without_a_key_for_each_purpose_is_refused(self):
        recipients = {"contact": cases.RECIPIENT}
        refused(Given(service, "case"), cases.opening(recipients=recipients), "missing-keys")

    def test_a_command_of_another_aggregate_is_a_mistake(self):
        with pytest.raises(TypeError):
            given(cases.opening()).when(asked.RecordView(case=CASE, viewer="x", role="lawyer", record="dossier"))


class TestTriage:
    @pytest.mark.parametrize(
        ("kinds", "other", "danger", "urgency"),
        [
            (["insult"], {}, False, "normal"),
            (["insult"], {"spreading": True}, False, "high"),
            (["intimate-image"], {}, False, "high"),
            (["sexual-deepfake"], {"spreading": True}, False, "critical"),
            (["fake-image"], {"minor": True}, False, "critical"),
            (["threat"], {}, False, "high"),
            (["insult"], {}, True, "critical"),
        ],
    )
    def test_urgency_follows_from_what_was_told(self, kinds, other, danger, urgency):
        acts = tuple(cases.act(f"act-{number}", kind) for number, kind in enumerate(kinds))
        assert of_facets(cases.facets(acts=acts, **other), danger=danger) == urgency

    def test_no_urgency_is_normal(self):
        assert highest([]) == "normal"

    def test_a_threatened_deadline_raises_the_urgency_and_asks_for_a_human_once(self):
        one = given(cases.opening()).facts(threatened(30))
        events = one.at()
        assert names(events) == ["case-escalated", "case-updated"]
        assert events[0].reason == "deadline"
        assert one.state.urgency == "high"
        assert one.at() == ()

    def test_a_retention_limit_says_so_and_names_the_lawyer_of_the_case(self):
        one = given(cases.opening(), cases.assignment(cases.LAWYER, "lawyer")).facts(threatened(30, "data-retention"))
        event = one.at()[0]
        assert (event.reason, event.answered_by) == ("retention", cases.LAWYER)

    def test_a_hearing_that_nears_raises_the_urgency_without_a_page(self):
        one = given(cases.opening()).facts(threatened(30, "hearing"))
        assert names(one.at()) == ["case-updated"]

    def test_ten_days_before_the_day_it_becomes_critical_by_itself(self):
        one = given(cases.opening()).facts(threatened(30))
        one.at()
        assert one.loaded.wake == near_from(one.state.deadlines["d1"].value)
        assert names(one.at(one.loaded.wake)) == ["case-updated"]
        assert one.state.urgency == "critical"
        assert one.loaded.wake is None

    def test_a_deadline_already_past_is_critical(self):
        one = given(cases.opening()).facts(threatened(-1))
        one.at()
        assert one.state.urgency == "critical"

    def test_a_deadline_before_the_opening_waits_for_it(self):
        one = Given(service, "case").facts(threatened(30))
        assert one.at() == ()
        assert names(one.when(cases.opening()))[2:] == ["case-escalated", "case-updated"]

    def test_a_closed_case_alarms_nobody(self):
        one = given(cases.opening(), asked.CloseCase(case=CASE, by=cases.VICTIM, reason="solved"))
        assert one.facts(threatened(3)).at() == ()
        assert one.loaded.wake is None


class TestChanging:
    def test_what_is_told_anew_is_weighed_anew(self):
        one = given(cases.opening())
        told = cases.facets(spreading=True)
        events: Any = one.when(cases.update(facets=told, sealed_facts=cases.sealed("new")))
        assert events[0].facets.urgency == "high"
        assert one.state.sealed["facts"] == cases.sealed("new")
        assert one.when(cases.update(facets=told)) == ()

    def test_words_alone_change_nothing_else(self):
        one = given(cases.opening())
        events: Any = one.when(cases.update(sealed_contact=cases.sealed("contact")))
        assert isinstance(events[0], CaseUpdated)
        assert one.state.account_at == 1

    def test_a_danger_told_later_escalates_once(self):
        one = given(cases.opening())
        assert names(one.when(cases.update(danger=True))) == ["case-escalated", "case-updated"]
        assert one.when(cases.update(danger=True)) == ()

    def test_who_opened_stays_who_opened(self):
        problem = refused(given(cases.opening()), cases.update(facets=cases.facets("witness")), "persona-fixed")
        assert problem.field == "persona"

    def test_a_day_to_come_is_refused_here_too(self):
        told = cases.facets(acts=(cases.act(day=cases.TODAY + timedelta(days=2)),))
        refused(given(cases.opening()), cases.update(facets=told), "day-in-future")

    def test_a_stranger_and_a_witness_change_nothing(self):
        one = given(cases.opening(), cases.invitation(), cases.acceptance())
        absent(one, cases.update(by="stranger"))
        absent(one, cases.update(by=cases.WITNESS))

    def test_who_opened_for_another_may_until_it_is_taken_over(self):
        one = given(cases.opening("witness", holder=cases.WITNESS))
        assert one.when(cases.update(by=cases.WITNESS, sealed_facts=cases.sealed("more")))
        one.when(cases.invitation(cases.WITNESS, "victim", holder=cases.VICTIM))
        one.when(cases.acceptance(holder=cases.VICTIM))
        absent(one, cases.update(by=cases.WITNESS, sealed_facts=cases.sealed("even more")))

    def test_nothing_changes_before_the_opening(self):
        absent(Given(service, "case"), cases.update())

    def test_secrets_written_over_others_are_refused(self):
        one = given(cases.opening())
        change = asked.ChangeAccount(case=CASE, by=cases.VICTIM, sealed_account=cases.sealed("b"), account_seen=1)
        assert names(one.when(change)) == ["case-updated"]
        assert one.state.sealed["account"] == cases.sealed("b")
        refused(one, change, "changed-meanwhile")
