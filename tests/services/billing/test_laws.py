"""The four laws for both aggregates of billing, and the invariants of its money over any history."""

from __future__ import annotations

from datetime import date
from itertools import combinations, permutations

from hypothesis import given
from hypothesis import strategies as st

from services.billing.domain.account import refund_id
from services.billing.domain.ledger import balances, ledger
from services.billing.domain.reactions import react
from services.billing.domain.standing import due, insurer_payment, kept_from_person, owed, person_payment
from services.billing.service import service
from shared.contracts.billing import InvoiceIssued, PaymentRequested
from shared.contracts.intake import AccessGranted, CaseClosed, CaseUpdated, Facets
from shared.money import Money
from shared.runtime.declaration import Job, Recorded
from shared.runtime.folding import carry_out
from tests.given import CASE, NOON
from tests.laws import THOROUGH, AggregateLaws, Foreign, recorded
from tests.services.billing.facts import (
    APPROVED,
    BARRED,
    ELIGIBLE,
    ERASED,
    FILED,
    FROZEN,
    MINOR,
    OPENED,
    PAYMENT,
    PLANNED,
    SEALED,
    answer,
    choose,
    insurer,
    invoiced,
    issue,
    judged,
    paid,
    recovery,
    refunded,
    transferred,
)

FACTS = (
    OPENED,
    CaseUpdated(facets=Facets(persona="victim"), sealed_contact=SEALED),
    MINOR,
    FROZEN,
    AccessGranted(access="a1", role="guardian", holder="h1"),
    CaseClosed(reason="done"),
    PLANNED,
    ERASED,
    APPROVED,
    APPROVED.model_copy(update={"complaint": "c2"}),
    FILED,
    ELIGIBLE,
    BARRED,
    judged(),
    judged(costs=10),
    judged("j2", costs=0),
)
foreign = st.one_of(
    st.sampled_from(FACTS).map(Foreign),
    st.sampled_from([invoiced(), invoiced(number="2026-000002", invoice="i2"), invoiced(payment="p9")]).map(
        lambda event: Foreign(event, stream="register-2026")
    ),
)
commands = st.one_of(
    st.builds(choose, st.sampled_from(["person", "legal-aid"]), safe=st.booleans()),
    st.builds(insurer, st.sampled_from(["cover-1", "cover-2"])),
    st.builds(
        answer,
        st.sampled_from(["accepted", "refused"]),
        st.sampled_from(["cover-1", "cover-2"]),
        ceiling=st.sampled_from([None, Money(cents=5000)]),
    ),
    st.builds(paid, st.sampled_from(["pi_1", "pi_2", "pi_3"])),
    st.builds(transferred, st.sampled_from(["bank-1", "bank-2", "pi_1"])),
    st.builds(refunded, st.sampled_from([refund_id("pi_1"), refund_id("pi_2")])),
    st.builds(recovery, st.sampled_from(["r1", "r2"]), st.sampled_from(["j1", "j2"]), cents=st.integers(1, 200_000)),
)
histories = st.builds(
    lambda start, rest: [*start, *rest],
    st.sampled_from(
        [
            [],
            [Foreign(OPENED)],
            [Foreign(OPENED), Foreign(APPROVED), choose("person"), paid()],
            [Foreign(OPENED), Foreign(APPROVED), insurer(), answer("refused"), paid(), paid("pi_2")],
        ]
    ),
    st.lists(st.one_of(foreign, commands), max_size=14),
)


def protocol(facts):
    """Intake erases only what every service has cleared, hence what it planned to erase."""
    events = [fact.event for fact in facts]
    if ERASED in events and PLANNED not in events[: events.index(ERASED)]:
        facts.insert(events.index(ERASED), Foreign(PLANNED))
    return facts


def money(state):
    """What must be equal whatever the order: what is due, owed and kept, by whom, and who bears it.

    ``payment-requested`` may or may not have been said when its reason and what voids it (an acceptance, a barred
    complaint, an erasure) come close together: ``due`` is 0 either way, and who pays all the same is refunded.
    """
    return {
        "due": due(state),
        "owed": owed(state),
        "kept": kept_from_person(state),
        "balances": {name: cents for name, cents in balances(ledger(state)).items() if cents},
        "funding": state.funding,
        "covers": state.covers,
        "cleared": state.cleared,
        "invoices": state.invoices,
        "file": state.file,
    }


class TestAccount(AggregateLaws):
    service = service
    aggregate = "case"
    histories = histories

    @THOROUGH
    @given(data=st.data())
    def test_facts_that_come_after_the_choices_end_alike_in_any_order(self, data):
        """Irrevocable reactions: the commands come first, then the facts in any order and cut, then time passes."""
        choices = data.draw(st.sampled_from([[], [choose("person")], [insurer()], [insurer(), answer("refused")]]))
        facts = recorded([Foreign(OPENED), *protocol(data.draw(st.lists(foreign, max_size=10)))])
        shuffled = data.draw(st.permutations(facts[1:]))
        cuts = data.draw(st.lists(st.integers(0, len(facts)), max_size=4))

        def end(items, ends=None):
            loaded, _ = self.play([facts[0], *choices, *items], ends)
            loaded = self.wake_until_asleep(loaded)
            for command in (paid(), paid("pi_2")):
                loaded = self.carried(loaded, command)
            while back := owed(loaded.state):
                loaded = self.carried(loaded, refunded(back[0].refund, back[0].reason))
            return loaded.state

        assert money(end(facts[1:])) == money(end(shuffled, cuts))

    @THOROUGH
    @given(data=st.data())
    def test_a_payment_made_in_the_middle_ends_alike_whatever_came_before_it(self, data):
        """The webhook comes at any place among the facts: what is kept from the person does not depend on it."""
        facts = recorded([Foreign(OPENED), Foreign(APPROVED), *protocol(data.draw(st.lists(foreign, max_size=8)))])
        start, rest = [facts[0], choose("person"), facts[1]], facts[2:]
        place = data.draw(st.integers(0, len(rest)))
        shuffled = data.draw(st.permutations(rest))

        def end(items, position):
            loaded, _ = self.play([*start, *items[:position], paid(), *items[position:]])
            while back := owed(loaded.state):
                loaded = self.carried(loaded, refunded(back[0].refund, back[0].reason))
            return loaded.state

        early, late = end(rest, 0), end(shuffled, place)
        assert set(early.receipts) == set(late.receipts) == {refund_id("pi_1")}
        cleared_first = any(receipt.late for receipt in late.receipts.values())
        assert kept_from_person(late) in ({0} if cleared_first else {kept_from_person(early)})

    def test_a_paid_case_that_is_erased_folds_alike_in_every_interleaving(self):
        """All 24 orders of the facts, each interleaved in all ways with the account's own events."""
        history = [Foreign(OPENED), Foreign(APPROVED), choose("person"), paid(), Foreign(PLANNED), Foreign(BARRED)]
        items = recorded(history)
        loaded, own = self.play(items)
        facts = [item for item in items if isinstance(item, Recorded)]
        length = len(facts) + len(own)
        for order in permutations(facts):
            for places in combinations(range(length), len(own)):
                following, mine = iter(order), iter(own)
                state = self.declared.state()
                for place in range(length):
                    state = self.declared.evolve(state, next(mine) if place in places else next(following))
                assert state == loaded.state

    @THOROUGH
    @given(history=histories)
    def test_the_ledger_balances(self, history):
        loaded, _ = self.play(recorded(history))
        entries = ledger(loaded.state)
        for transaction in {entry.transaction for entry in entries}:
            lines = [entry for entry in entries if entry.transaction == transaction]
            assert sum(line.debit for line in lines) == sum(line.credit for line in lines) > 0
        assert sum(balances(entries).values()) == 0
        assert balances(entries).get("bank", 0) >= 0

    @THOROUGH
    @given(history=histories)
    def test_after_eighty_euros_nothing_more_is_billed_to_the_person(self, history):
        loaded, own = self.play(recorded(history))
        loaded = self.wake_until_asleep(loaded)
        requests = [one.event for one in own if isinstance(one.event, PaymentRequested)]
        for payer in ("person", "insurer"):
            asked = [event.amount.cents for event in requests if event.payer == payer]
            assert len(asked) <= 1
            assert sum(asked) <= 8000
        assert due(loaded.state) + max(0, kept_from_person(loaded.state)) <= 8000 or owed(loaded.state)
        while back := owed(loaded.state):
            loaded = self.carried(loaded, refunded(back[0].refund, back[0].reason))
        assert 0 <= kept_from_person(loaded.state) <= 8000
        assert kept_from_person(loaded.state) + due(loaded.state) <= 8000

    @THOROUGH
    @given(history=histories)
    def test_all_that_is_owed_is_asked_of_a_job(self, history):
        loaded, _ = self.play(recorded(history))
        jobs = [one for one in react(loaded.state, NOON) if isinstance(one, Job)]
        assert {job.subject for job in jobs if job.kind == "refund"} == {one.refund for one in owed(loaded.state)}

    def carried(self, loaded, command):
        from shared.errors import RecoursError

        try:
            return carry_out(self.declared, "billing", loaded, command, NOON, cause="law", correlation="law").loaded
        except RecoursError:
            return loaded

    def outcome(self, state):
        return money(state)


def _issuing(numbers):
    return [issue(f"i{who}", f"2026-{number:06d}", date(2026, 11, day)) for who, number, day in numbers]


class TestRegister(AggregateLaws):
    service = service
    aggregate = "register"
    key = "2026"
    histories = st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6), st.integers(1, 3)), max_size=12).map(_issuing)

    @THOROUGH
    @given(history=histories)
    def test_numbers_have_no_gap_and_no_double(self, history):
        _, own = self.play(recorded(history))
        issued = [one.event for one in own if isinstance(one.event, InvoiceIssued)]
        assert [event.number for event in issued] == [f"2026-{n:06d}" for n in range(1, len(own) + 1)]
        assert len({event.invoice for event in issued}) == len(own)
        days = [event.day for event in issued]
        assert days == sorted(days)


def test_ids_of_payments_depend_on_the_case_alone():
    assert person_payment(CASE) == PAYMENT != insurer_payment(CASE)
    assert person_payment("other") != PAYMENT
