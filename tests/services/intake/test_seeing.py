from __future__ import annotations

from datetime import timedelta

from services.intake.domain import case, ledger
from services.intake.domain import commands as asked
from services.intake.domain.state import LONGEST_TIMELINE
from services.intake.domain.view import next_step, view
from services.intake.service import service
from shared.contracts.billing import PaymentReceived
from shared.contracts.everyone import RecordViewed
from shared.contracts.legal import (
    HoldLifted,
    LimitationComputed,
)
from shared.money import Money
from tests.given import CASE, NOON, Given, followed
from tests.services.intake import cases
from tests.services.intake.histories import (
    APPROVED,
    DIAGNOSED,
    FILED,
    JUDGED,
    answered,
    drafted,
    given,
    hearing,
    names,
)


class TestSeeing:
    def test_each_role_has_its_sections(self):
        state = given(cases.opening()).state
        assert "ledger" in view("victim", state)
        assert set(view("guardian", state)).isdisjoint({"facts", "contact", "authors", "people", "ledger"})
        assert view("witness", state, holder=cases.WITNESS) == ("next-step", "evidence")
        assert view("institution", state, holder="school") == ("next-step", "evidence")
        assert view("accountant", state) == ("next-step", "money")

    def test_who_opened_for_another_also_sees_what_they_wrote(self):
        state = given(cases.opening("institution")).state
        assert set(view("institution", state, holder=cases.VICTIM)) >= {"facts", "invite", "erasure"}

    def step(self, one, role="victim", holder=cases.VICTIM):
        return next_step(role, one.state, NOON, holder=holder).code

    def test_the_person_has_one_next_step_all_along(self):
        one = given(cases.opening(), cases.assignment())
        assert self.step(one) == "add-evidence"
        assert self.step(one.facts(DIAGNOSED)) == "read-diagnosis"
        assert self.step(one.facts(drafted())) == "prove-identity"
        one.when(asked.ProveIdentity(case=CASE, by=cases.STAFF, means="in-person"))
        assert self.step(one) == "wait-approval"
        assert self.step(one.facts(APPROVED)) == "wait-filing"
        assert self.step(one.facts(FILED)) == "wait-answer"
        assert self.step(one.facts(answered("refused"))) == "answered"
        one.facts(hearing(20))
        assert next_step("victim", one.state, NOON).day == cases.TODAY + timedelta(days=20)
        assert self.step(one.facts(hearing(20, "held"), JUDGED)) == "judged"
        one.when(cases.erasing())
        assert self.step(one) == "erasure-under-way"
        one.when(asked.CloseCase(case=CASE, by=cases.STAFF, reason="judged"))
        assert self.step(one) == "closed"

    def test_a_hearing_of_the_past_is_no_next_step(self):
        assert self.step(given(cases.opening()).facts(hearing(-1))) == "add-evidence"

    def test_the_team_has_its_own(self):
        assert self.step(given(cases.opening("witness")), "lawyer") == "team-wait-takeover"
        one = given(cases.opening(), cases.assignment())
        assert self.step(one, "case-worker") == "team-diagnose"
        assert self.step(one.facts(DIAGNOSED), "case-worker") == "team-prove-identity"
        one.when(asked.ProveIdentity(case=CASE, by=cases.STAFF, means="in-person"))
        assert self.step(one, "case-worker") == "team-follow"

    def test_witnesses_invite_or_add_and_guardians_wait(self):
        assert self.step(given(cases.opening("witness")), "witness") == "invite-victim"
        assert self.step(given(cases.opening("guardian")), "witness") == "wait-authority"
        assert self.step(given(cases.opening()), "witness", "nobody") == "add-own-evidence"

    def test_the_timeline_shows_the_days_that_the_facts_name(self):
        diagnosis = DIAGNOSED.model_copy(update={"eligible": False})
        paid = PaymentReceived(
            payment="p1", amount=Money(cents=8000, currency="EUR"), payer="insurer", provider_reference="r1"
        )
        one = given(cases.opening(), cases.assignment()).facts(
            hearing(20), diagnosis, paid, LimitationComputed(limits=(), earliest=cases.TODAY)
        )
        told = {(entry.kind, entry.day, entry.detail) for entry in one.state.timeline.values()}
        assert told == {
            ("case-opened", cases.TODAY, ""),
            ("case-assigned", cases.TODAY, "case-worker"),
            ("hearing-scheduled", cases.TODAY + timedelta(days=20), "scheduled"),
            ("case-diagnosed", cases.TODAY, "other-routes"),
            ("payment-received", cases.TODAY, "insurer"),
        }
        assert one.state.limits.value.earliest == cases.TODAY

    def test_the_timeline_has_an_end(self):
        one = given(cases.opening())
        for number in range(LONGEST_TIMELINE + 5):
            one.facts(HoldLifted(hold=f"h{number}"))
        assert len(one.state.timeline) == LONGEST_TIMELINE

    def test_a_case_without_facets_is_ordinary(self):
        assert case.Case().urgency == "normal"


class TestLedger:
    READ = asked.RecordView(case=CASE, viewer=cases.LAWYER, role="lawyer", record="dossier")

    def test_a_reading_is_told_once_a_quarter_of_an_hour(self):
        one = Given(service, "ledger")
        assert names(one.when(self.READ)) == ["record-viewed"]
        assert one.when(self.READ, NOON + timedelta(minutes=14)) == ()
        assert one.when(self.READ, NOON + timedelta(minutes=15))

    def test_the_same_reading_elsewhere_is_another(self):
        one = Given(service, "ledger").facts(
            RecordViewed(viewer=cases.LAWYER, role="lawyer", record="dossier"), source="legal"
        )
        assert one.when(self.READ)
        assert {reading.source for reading in one.state.newest_first} == {"legal", "intake"}

    def test_the_newest_five_hundred_stay(self):
        state = ledger.Ledger()
        for sequence in range(1, 511):
            event = RecordViewed(viewer=f"v{sequence}", role="lawyer", record="exhibit")
            state = ledger.evolve(state, followed(event, sequence=sequence, source="evidence"))
        assert len(state.readings) == ledger.LONGEST
        assert ledger.evolve(state, followed(HoldLifted(hold="h"), source="legal")) is state

    def test_each_fact_goes_to_one_of_the_two(self):
        read = followed(RecordViewed(viewer="v", role="lawyer", record="exhibit"), source="evidence")
        hold = followed(HoldLifted(hold="h"), source="legal")
        assert (case.route(read), ledger.route(read)) == ((), (CASE,))
        assert (case.route(hold), ledger.route(hold)) == ((CASE,), ())
