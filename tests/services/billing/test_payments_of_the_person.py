from __future__ import annotations

import pytest

from services.billing.domain.account import refund_id
from services.billing.domain.ledger import balances, ledger
from services.billing.domain.standing import due, kept_from_person, status
from services.billing.domain.terms import COMPLAINT_FEE
from services.billing.service import service
from shared.contracts.billing import PaymentReceived, PaymentRefunded, PaymentRequested
from shared.contracts.legal import ComplaintApproved
from shared.errors import Refused
from shared.money import Money
from tests.given import NOON
from tests.services.billing.facts import (
    APPROVED,
    BARRED,
    ELIGIBLE,
    FEE,
    FILED,
    INSURER_PAYMENT,
    LONG_AGO,
    PAYMENT,
    PLANNED,
    account,
    answer,
    billed,
    choose,
    insurer,
    invoiced,
    later,
    limit,
    names,
    paid,
    refunded,
    transferred,
)

FIRST, SECOND = refund_id("pi_1"), refund_id("pi_2")


def refused(code, given, command, **about):
    with pytest.raises(Refused) as caught:
        given.when(command)
    assert caught.value.code == code
    for name, value in about.items():
        assert getattr(caught.value, name) == value


def refunds(given):
    return [(job.subject, job.payload["reason"]) for job in given.jobs if job.kind == "refund"]


def test_eighty_euros_are_asked_once_a_complaint_is_approved():
    given = account(APPROVED)
    said = given.when(choose("person"))
    assert said[1:] == (PaymentRequested(payment=PAYMENT, amount=FEE, payer="person", purpose="complaint"),)
    assert Money(cents=8000, currency="EUR") == COMPLAINT_FEE
    assert due(given.state) == 8000
    assert status(given.state) == "payment-due"


def test_nothing_is_asked_without_an_approval():
    given = account(ELIGIBLE, FILED)
    assert names(given.when(choose("person"))) == ["funding-chosen"]
    assert due(given.state) == 0


def test_nothing_is_asked_while_the_insurer_has_not_answered():
    given = account(APPROVED)
    assert "payment-requested" not in names(given.when(insurer()))
    assert given.at(later(1)) == ()


def test_a_second_complaint_costs_nothing_more():
    given = billed()
    given.facts(APPROVED.model_copy(update={"complaint": "c2"}))
    assert given.at() == ()


def test_a_payment_is_received_once():
    given = billed()
    assert given.when(paid()) == (
        PaymentReceived(payment=PAYMENT, amount=FEE, payer="person", provider_reference="pi_1"),
    )
    assert given.when(paid()) == ()
    assert due(given.state) == 0
    assert status(given.state) == "paid"
    assert refunds(given) == []


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"cents": 7999}, "amount-mismatch"),
        ({"cents": 8001}, "amount-mismatch"),
        ({"currency": "USD"}, "amount-mismatch"),
        ({"payment": "other"}, "unknown-payment"),
    ],
)
def test_a_payment_that_differs_from_what_was_asked_changes_nothing(wrong, code):
    given = billed()
    refused(code, given, paid(**wrong))
    assert given.state.receipts == {}


def test_a_card_cannot_pay_what_an_insurer_was_asked():
    given = covered()
    refused("unknown-payment", given, paid(payment=INSURER_PAYMENT))


def test_what_is_paid_twice_goes_back():
    given = billed()
    given.when(paid())
    assert names(given.when(paid("pi_2"))) == ["payment-received"]
    assert refunds(given) == [(SECOND, "paid-twice")]
    assert status(given.state) == "refund-pending"
    given.when(refunded(SECOND, "paid-twice"))
    assert kept_from_person(given.state) == 8000
    assert status(given.state) == "paid"
    assert balances(ledger(given.state)) == {"bank": 8000, "fees": -8000, "refunds-due": 0}


def test_what_was_paid_goes_back_when_the_insurer_accepts_after_all():
    given = account(APPROVED)
    given.when(insurer())
    given.at(later(30))
    given.when(paid())
    assert refunds(given) == []
    given.when(answer())
    assert refunds(given) == [(FIRST, "cover-accepted")]
    assert given.when(refunded(FIRST)) == (
        PaymentRefunded(refund=FIRST, payment=PAYMENT, amount=FEE, reason="cover-accepted"),
    )
    assert given.when(refunded(FIRST)) == ()
    assert kept_from_person(given.state) == 0
    assert status(given.state) == "covered"
    assert balances(ledger(given.state)) == {"bank": 0, "fees": 0}


def test_the_refund_job_says_all_that_its_worker_needs():
    given = billed()
    given.when(paid())
    given.when(paid("pi_2"))
    [job] = [job for job in given.jobs if job.kind == "refund"]
    assert job.payload == {"reference": "pi_2", "cents": 8000, "reason": "paid-twice"}


def test_a_refund_of_nothing_received_is_refused():
    refused("nothing-received", billed(), refunded(FIRST), field="refund")


@pytest.mark.parametrize(
    "diagnosis",
    [BARRED, BARRED.model_copy(update={"reasons": (), "limits": (limit(LONG_AGO),)})],
    ids=["said", "by its limits"],
)
def test_what_was_paid_goes_back_when_the_complaint_is_out_of_time(diagnosis):
    given = billed()
    given.when(paid())
    given.facts(diagnosis).at()
    assert refunds(given) == [(FIRST, "time-barred")]
    given.when(refunded(FIRST, "time-barred"))
    assert status(given.state) == "refunded"
    assert given.at() == ()


@pytest.mark.parametrize(
    "diagnosis",
    [
        ELIGIBLE,
        ELIGIBLE.model_copy(update={"reasons": ("time-barred",)}),
        BARRED.model_copy(update={"reasons": ("authors-too-many",)}),
        BARRED.model_copy(update={"reasons": (), "limits": (limit(LONG_AGO), limit(NOON.date()))}),
    ],
    ids=["eligible", "eligible in spite of it", "another reason", "a limit ends today"],
)
def test_what_was_paid_stays_while_a_complaint_can_be_filed(diagnosis):
    given = billed()
    given.when(paid())
    given.facts(diagnosis).at()
    assert refunds(given) == []


def test_a_diagnosis_older_than_the_approval_says_nothing_of_it():
    given = account(BARRED, APPROVED)
    assert names(given.when(choose("person"))) == ["funding-chosen", "payment-requested"]
    given.when(paid())
    assert refunds(given) == []


def test_nothing_is_asked_for_a_complaint_that_is_out_of_time():
    given = account(APPROVED, BARRED)
    assert names(given.when(choose("person"))) == ["funding-chosen"]
    assert status(given.state) == "not-billed"


def test_an_unpaid_request_is_void_once_the_insurer_accepts_or_time_is_over_or_the_case_ends():
    for void in (BARRED, PLANNED):
        given = billed()
        given.facts(void).at()
        assert due(given.state) == 0
        assert status(given.state) == "not-billed"
    given = billed()
    given.when(insurer())
    assert due(given.state) == 0
    assert status(given.state) == "cover-pending"
    given.when(answer())
    assert due(given.state) == 0


def test_an_unpaid_request_is_void_once_legal_aid_is_chosen():
    given = billed()
    given.when(choose("legal-aid"))
    assert due(given.state) == 0
    assert status(given.state) == "legal-aid"


def covered(ceiling=None):
    given = account(APPROVED)
    given.when(insurer())
    given.when(answer(ceiling=None if ceiling is None else Money(cents=ceiling)))
    return given


@pytest.mark.parametrize(("ceiling", "asked"), [(None, 8000), (100_000, 8000), (5000, 5000)])
def test_an_insurer_is_asked_for_the_fee_up_to_its_ceiling(ceiling, asked):
    request = covered(ceiling).state.requests[INSURER_PAYMENT]
    assert (request.payer, request.cents) == ("insurer", asked)


def test_an_insurer_that_bears_nothing_is_asked_for_nothing_and_neither_is_the_person():
    given = covered(0)
    assert given.state.requests == {}
    assert due(given.state) == 0


def test_an_accepted_cover_asks_nothing_before_an_approval():
    given = account()
    given.when(insurer())
    assert names(given.when(answer())) == ["cover-decided"]


def test_an_insurers_transfer_is_recorded_once():
    given = covered()
    assert given.when(transferred()) == (
        PaymentReceived(payment=INSURER_PAYMENT, amount=FEE, payer="insurer", provider_reference="bank-1"),
    )
    assert given.when(transferred()) == ()
    refused("already-paid", given, transferred("bank-2"), conflict=True)
    refused("already-paid", given, transferred(cents=1))
    assert kept_from_person(given.state) == 0
    assert refunds(given) == []
    assert balances(ledger(given.state)) == {"bank": 8000, "fees": -8000}


def test_a_transfer_of_another_amount_is_refused():
    refused("amount-mismatch", covered(), transferred(cents=7999), field="cents")


def test_a_transfer_needs_an_insurer_that_was_asked():
    refused("nothing-asked", billed(), transferred(), field="case")


def test_a_transfer_cannot_borrow_the_reference_of_another_receipt():
    given = account(APPROVED)
    given.when(insurer())
    given.when(answer("refused"))
    given.when(paid("same"))
    given.when(answer())
    refused("reference-used", given, transferred("same"), field="reference")


def test_an_invoice_is_asked_for_what_is_kept_until_it_is_issued():
    given = billed()
    given.when(paid())
    [job] = [job for job in given.jobs if job.kind == "issue-invoice"]
    assert job.subject == PAYMENT
    assert job.payload == {
        "cents": 8000,
        "payer": "person",
        "received": NOON.isoformat(),
        "day": "2026-11-23",
    }
    given.jobs.clear()
    given.at()
    assert [job.kind for job in given.jobs] == ["issue-invoice"]
    given.jobs.clear()
    given.facts(invoiced()).at()
    assert given.jobs == []


def test_no_invoice_is_asked_for_what_goes_back():
    given = billed()
    given.facts(BARRED)
    given.when(paid())
    assert [job.kind for job in given.jobs] == ["refund"]
    given.jobs.clear()
    given.when(refunded(FIRST, "time-barred"))
    assert given.jobs == []


def test_money_gates_no_act():
    """Whatever is unpaid, billing says nothing that another service could wait for before it files."""
    assert {event.name for event in service.publishes} == {
        "funding-chosen",
        "cover-asked",
        "cover-decided",
        "payment-requested",
        "payment-received",
        "payment-refunded",
        "costs-recovered",
        "invoice-issued",
        "erasure-cleared",
        "record-viewed",
    }
    urgent = ComplaintApproved(**{**APPROVED.model_dump(), "deadline": NOON.date()})
    unpaid, calm = account(urgent), account(APPROVED)
    assert unpaid.when(choose("person")) == calm.when(choose("person"))
    for given in (unpaid, calm):
        assert given.loaded.wake is None
        assert given.at(later(400)) == ()
        assert given.jobs == []
