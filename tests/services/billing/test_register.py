from __future__ import annotations

from datetime import date

import pytest

from services.billing.domain import register, terms
from services.billing.domain.commands import GiveUp
from services.billing.domain.register import ConfirmInvoice, Register, next_day, next_number
from services.billing.service import service
from shared.errors import Refused
from tests.given import CASE, Given, followed
from tests.services.billing.facts import ELIGIBLE, FEE, issue


@pytest.fixture
def given():
    return Given(service, "register", key="2026", case="")


def refused(code, given, command, *, conflict=False):
    with pytest.raises(Refused) as caught:
        given.when(command)
    assert (caught.value.code, caught.value.conflict) == (code, conflict)


def test_numbers_follow_each_other_from_one(given):
    [first] = given.when(issue())
    assert (first.number, first.invoice, first.payment, first.amount) == ("2026-000001", "i1", "p1", FEE)
    [second] = given.when(issue("i2", "2026-000002"))
    assert second.number == "2026-000002"


@pytest.mark.parametrize("number", ["2026-000000", "2026-000001", "2026-000003", "2025-000002"])
def test_no_number_is_skipped_or_taken_twice(given, number):
    given.when(issue())
    refused("number-taken", given, issue("i2", number), conflict=True)


def test_an_invoice_is_issued_once_whatever_number_it_asks_for(given):
    given.when(issue())
    assert given.when(issue()) == ()
    assert given.when(issue(number="2026-000002")) == ()
    assert given.state.count == 1


def test_an_invoice_bears_no_day_before_that_of_the_number_before_it(given):
    given.when(issue(day=date(2026, 11, 23)))
    refused("day-passed", given, issue("i2", "2026-000002", day=date(2026, 11, 22)), conflict=True)
    assert next_day(given.state, date(2026, 11, 22)) == date(2026, 11, 23)
    assert next_day(given.state, date(2026, 11, 24)) == date(2026, 11, 24)
    assert next_day(Register(), date(2026, 11, 22)) == date(2026, 11, 22)


def test_a_confirmation_needs_an_issued_invoice(given):
    confirm = ConfirmInvoice(case=CASE, invoice="i1", year=2026)
    assert confirm.key == issue().key == "2026"
    refused("not-issued", given, confirm)
    given.when(issue())
    assert given.when(confirm) == ()


def test_a_full_year_is_refused(given):
    assert next_number(Register(count=999_998), 2026) == "2026-999999"
    with pytest.raises(Refused) as caught:
        next_number(Register(count=999_999), 2026)
    assert caught.value.code == "register-full"


def test_the_register_remembers_the_newest_invoices_only(given, monkeypatch):
    monkeypatch.setattr(register, "REMEMBERED_INVOICES", 2)
    for number in range(1, 5):
        given.when(issue(f"i{number}", f"2026-{number:06d}"))
    assert given.state.recent == {"i3": "2026-000003", "i4": "2026-000004"}
    assert given.state.count == 4
    assert terms.REMEMBERED_INVOICES == 1000


def test_the_register_follows_nobody(given):
    assert not service.aggregate("register").per_case
    assert list(service.aggregate("register").route(followed(ELIGIBLE))) == []
    assert register.evolve(Register(), followed(ELIGIBLE)) == Register()


def test_a_command_of_another_aggregate_is_a_mistake_of_ours(given):
    with pytest.raises(TypeError):
        given.when(GiveUp(case=CASE, kind="refund", reason="x"))
