from __future__ import annotations

import pytest

from services.billing.domain.ledger import Entry, balances, ledger
from services.billing.domain.standing import awarded, recovered
from shared.contracts.billing import CostsRecovered
from shared.errors import Refused
from shared.money import Money
from tests.services.billing.facts import SEALED, account, judged, recovery


def test_awarded_costs_are_owed_by_the_convicted():
    given = account(judged(costs=150_000))
    assert given.events == []
    assert ledger(given.state) == (
        Entry("judgment/j1", "convicted", debit=150_000),
        Entry("judgment/j1", "costs-awarded", credit=150_000),
    )


def test_a_judgment_without_costs_is_in_no_account():
    assert ledger(account(judged(costs=0)).state) == ()


def test_damages_are_a_sealed_memo_and_in_no_balance():
    given = account(judged(costs=100))
    assert given.state.judgments["j1"].value.sealed_damages == SEALED
    without = account(judged(costs=100, sealed=None))
    assert ledger(given.state) == ledger(without.state)


def test_recovered_costs_are_held_for_the_person():
    given = account(judged(costs=150_000))
    assert given.when(recovery(cents=50_000)) == (
        CostsRecovered(recovery="r1", judgment="j1", amount=Money(cents=50_000)),
    )
    assert recovered(given.state, "j1") == 50_000
    assert balances(ledger(given.state)) == {
        "convicted": 100_000,
        "costs-awarded": -100_000,
        "bank": 50_000,
        "costs-held": -50_000,
    }


def test_never_more_is_recovered_than_was_awarded():
    given = account(judged(costs=100_000), judged("j2", costs=5))
    given.when(recovery(cents=60_000))
    with pytest.raises(Refused) as caught:
        given.when(recovery("r2", cents=40_001))
    assert (caught.value.code, caught.value.field) == ("above-awarded", "cents")
    given.when(recovery("r2", cents=40_000))
    given.when(recovery("r3", "j2", cents=5))
    assert recovered(given.state, "j1") == 100_000


def test_a_repeated_recovery_says_nothing_new_and_one_with_other_figures_is_refused():
    given = account(judged(), judged("j2"))
    given.when(recovery())
    assert given.when(recovery()) == ()
    for other in (recovery(cents=1), recovery(judgment="j2")):
        with pytest.raises(Refused) as caught:
            given.when(other)
        assert (caught.value.code, caught.value.conflict) == ("recovery-differs", True)


def test_costs_of_an_unknown_judgment_are_refused():
    with pytest.raises(Refused) as caught:
        account().when(recovery())
    assert (caught.value.code, caught.value.field) == ("unknown-judgment", "judgment")


def test_a_corrected_judgment_replaces_the_first_in_any_order():
    from services.billing.domain.account import Account, evolve
    from tests.given import followed

    facts = [followed(judged(costs=100), sequence=1), followed(judged(costs=70), sequence=2)]
    for order in (facts, facts[::-1]):
        state = Account()
        for fact in order:
            state = evolve(state, fact)
        assert awarded(state, "j1") == 70
