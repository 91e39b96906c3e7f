from __future__ import annotations

from datetime import date

from services.intake.domain import case
from services.intake.domain import commands as asked
from shared.contracts.everyone import ErasureCleared, ErasureObjected
from shared.contracts.legal import (
    HoldLifted,
    HoldPlaced,
)
from tests.given import CASE
from tests.services.intake import cases
from tests.services.intake.histories import (
    FILED,
    JUDGED,
    SERVICES,
    absent,
    answered,
    given,
    names,
    refused,
    threatened,
)


class TestClosing:
    CLOSE = asked.CloseCase(case=CASE, by=cases.VICTIM, reason="solved")

    def test_a_closed_case_takes_nothing_more(self):
        one = given(cases.opening())
        assert names(one.when(self.CLOSE)) == ["case-closed"]
        assert one.when(self.CLOSE) == ()
        refused(one, cases.update(sealed_facts=cases.sealed()), "case-closed")

    def test_the_person_does_not_give_the_teams_reasons(self):
        close = asked.CloseCase(case=CASE, by=cases.VICTIM, reason="not-eligible")
        refused(given(cases.opening()), close, "reason-not-yours")
        one = given(cases.opening(), cases.assignment())
        assert one.when(asked.CloseCase(case=CASE, by=cases.STAFF, reason="not-eligible"))

    def test_an_open_complaint_keeps_the_case_open(self):
        one = given(cases.opening()).facts(FILED)
        refused(one, self.CLOSE, "complaint-open")
        one.facts(answered("registered"))
        refused(one, self.CLOSE, "complaint-open")
        assert one.facts(answered("closed", "a2")).when(self.CLOSE)

    def test_a_judgment_ends_the_complaint(self):
        assert given(cases.opening()).facts(FILED, JUDGED).when(self.CLOSE)


class TestErasure:
    def cleared(self, one, erasure=cases.ERASURE, sources=SERVICES):
        for source in sources:
            one.facts(ErasureCleared(erasure=erasure), source=source)
        return one

    def test_the_keys_are_destroyed_when_all_four_have_cleared_and_not_before(self):
        one = given(cases.opening(), cases.erasing())
        self.cleared(one, sources=SERVICES[:3]).at()
        assert not one.jobs
        refused(one, cases.destroyed(), "not-cleared")
        self.cleared(one, sources=SERVICES[3:]).at()
        assert [(job.kind, job.subject) for job in one.jobs] == [("destroy-keys", cases.ERASURE)]
        assert names(one.when(cases.destroyed())) == ["case-erased"]
        assert one.when(cases.destroyed()) == ()
        assert one.when(asked.DestructionFailed(case=CASE, erasure=cases.ERASURE)) == ()
        assert case.references(one.state) == ()

    def test_clearing_for_another_erasure_or_by_somebody_else_counts_for_nothing(self):
        one = given(cases.opening(), cases.erasing())
        self.cleared(one, erasure="another")
        one.facts(ErasureCleared(erasure=cases.ERASURE), source="intake").at()
        assert not one.jobs
        refused(one, cases.destroyed("unknown"), "not-cleared")

    def test_an_objection_stops_it_and_another_may_be_asked_later(self):
        one = given(cases.opening(), cases.erasing())
        self.cleared(one).facts(ErasureObjected(erasure=cases.ERASURE, reason="judicial"), source="legal").at()
        assert not one.jobs
        assert names(one.when(cases.erasing(erasure="erasure-2"))) == ["erasure-planned"]

    def test_only_one_is_under_way(self):
        one = given(cases.opening(), cases.erasing())
        assert one.when(cases.erasing()) == ()
        refused(one, cases.erasing(erasure="erasure-2"), "erasure-under-way")

    def test_a_hold_refuses_it_until_it_is_lifted(self):
        one = given(cases.opening()).facts(HoldPlaced(hold="h1", reason="judicial", until=date(2027, 1, 2)))
        problem = refused(one, cases.erasing(), "erasure-held")
        assert "judicial" in str(problem)
        assert "2027-01-02" in str(problem)
        one.facts(HoldLifted(hold="h1"))
        assert one.when(cases.erasing())

    def test_a_hold_without_an_end_says_why(self):
        one = given(cases.opening()).facts(HoldPlaced(hold="h1", reason="judicial"))
        assert "until" not in str(refused(one, cases.erasing(), "erasure-held"))

    def test_a_hold_that_comes_last_still_keeps_the_keys(self):
        one = given(cases.opening(), cases.erasing())
        self.cleared(one).facts(HoldPlaced(hold="h1", reason="judicial")).at()
        assert not one.jobs
        one.facts(HoldLifted(hold="h1")).at()
        assert len(one.jobs) == 1

    def test_a_complaint_that_awaits_its_answer_refuses_it(self):
        one = given(cases.opening()).facts(FILED)
        refused(one, cases.erasing(), "complaint-open")

    def test_the_person_the_lawyer_and_a_lone_opener_may_ask(self):
        one = given(cases.opening(), cases.assignment(), cases.invitation(), cases.acceptance())
        absent(one, cases.erasing(cases.WITNESS))
        absent(one, cases.erasing(cases.STAFF))
        one.when(cases.assignment(cases.LAWYER, "lawyer"))
        assert one.when(cases.erasing(cases.LAWYER))
        assert given(cases.opening("witness")).when(cases.erasing())

    def test_a_destruction_that_failed_asks_for_a_human_and_may_be_asked_again(self):
        one = given(cases.opening(), cases.erasing())
        self.cleared(one).at()
        fail = asked.DestructionFailed(case=CASE, erasure=cases.ERASURE)
        assert names(one.when(fail)) == ["case-escalated"]
        assert one.when(fail) == ()
        assert one.at() == ()
        assert one.when(cases.erasing(erasure="erasure-2"))

    def test_it_is_not_asked_for_without_end(self):
        one = given(cases.opening())
        for number in range(30):
            one.when(cases.erasing(erasure=f"e{number}"))
            one.facts(ErasureObjected(erasure=f"e{number}", reason="judicial"), source="legal")
        refused(one, cases.erasing(erasure="e30"), "too-many-erasures")

    def test_an_erased_case_is_absent(self):
        one = self.cleared(given(cases.opening(), cases.erasing()))
        one.when(cases.destroyed())
        absent(one, cases.update(sealed_facts=cases.sealed()))
        refused(one, cases.opening(), "case-exists")
        assert one.facts(threatened(2)).at() == ()
