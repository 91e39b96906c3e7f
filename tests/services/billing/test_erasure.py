from __future__ import annotations

import pytest

from services.billing.domain.account import refund_id
from services.billing.domain.commands import NoteViewing
from services.billing.domain.ledger import balances, ledger
from services.billing.domain.standing import kept_from_person, status
from services.billing.service import service
from shared.contracts.everyone import ErasureCleared, RecordViewed
from shared.contracts.intake import ErasurePlanned
from shared.errors import NotFound
from tests.given import CASE, Given
from tests.laws import AGE_MARK
from tests.services.billing.facts import (
    APPROVED,
    ERASED,
    PLANNED,
    account,
    billed,
    choose,
    insurer,
    invoiced,
    judged,
    names,
    paid,
    refunded,
)


def test_a_case_without_money_is_cleared_at_once_and_once():
    given = account()
    assert given.facts(PLANNED).at() == (ErasureCleared(erasure="e1", kept={}),)
    assert given.at() == ()
    assert given.facts(ErasurePlanned(erasure="e2")).at() == (ErasureCleared(erasure="e2"),)


def test_invoices_are_kept_and_counted():
    given = billed()
    given.when(paid())
    given.facts(invoiced(), PLANNED)
    assert given.at() == (ErasureCleared(erasure="e1", kept={"invoices": 1}),)


def test_a_case_is_cleared_only_when_no_money_and_no_paper_is_on_its_way():
    given = billed()
    given.when(paid())
    given.when(paid("pi_2"))
    assert given.facts(PLANNED).at() == ()
    assert names(given.when(refunded(refund_id("pi_2"), "paid-twice"))) == ["payment-refunded"]
    assert names(given.facts(invoiced()).at()) == ["erasure-cleared"]


def test_nothing_is_billed_to_a_person_who_asked_to_be_forgotten():
    given = account()
    given.when(choose("person"))
    given.facts(PLANNED).at()
    assert given.facts(APPROVED).at() == ()
    assert status(given.state) == "not-billed"


def test_money_that_comes_after_clearing_goes_back():
    given = billed()
    given.facts(PLANNED).at()
    given.when(paid())
    assert [(job.kind, job.payload["reason"]) for job in given.jobs] == [("refund", "case-ending")]
    given.facts(ERASED).at()
    given.when(refunded(refund_id("pi_1"), "case-ending"))
    assert kept_from_person(given.state) == 0
    assert balances(ledger(given.state)) == {"bank": 0, "refunds-due": 0}


def test_what_was_paid_in_time_stays_although_its_invoice_is_read_after_the_erasure():
    given = billed()
    given.when(paid())
    given.jobs.clear()
    given.facts(ERASED).at()
    assert given.jobs == []
    given.facts(invoiced()).at()
    assert given.jobs == []
    assert kept_from_person(given.state) == 8000


def test_erasure_drops_all_that_is_sealed_and_keeps_the_figures():
    given = account(APPROVED, judged())
    given.when(insurer())
    given.facts(invoiced())
    assert AGE_MARK in given.state.model_dump_json()
    before = ledger(given.state)
    given.facts(ERASED)
    assert AGE_MARK not in given.state.model_dump_json()
    given.facts(judged("j2"), invoiced(payment="p2", invoice="i2"))
    assert AGE_MARK not in given.state.model_dump_json()
    assert given.state.invoices["p2"].commitment
    assert set(before) < set(ledger(given.state))


def test_of_two_invoices_of_one_payment_the_first_number_stands_in_any_order():
    pair = (invoiced(number="2026-000002", invoice="i2"), invoiced(number="2026-000001"))
    for order in (pair, pair[::-1]):
        given = account(*order)
        assert given.state.invoices[invoiced().payment].number == "2026-000001"


def test_a_reading_is_told_to_the_person():
    given = account()
    command = NoteViewing(case=CASE, viewer="s1", role="accountant", record="invoice", record_id="i1")
    assert given.when(command) == (RecordViewed(viewer="s1", role="accountant", record="invoice", record_id="i1"),)


def test_nothing_is_read_of_an_unknown_or_erased_case():
    command = NoteViewing(case=CASE, viewer="s1", role="accountant", record="contact")
    for given in (Given(service, "case"), account(ERASED)):
        with pytest.raises(NotFound):
            given.when(command)
