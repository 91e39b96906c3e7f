"""The register of a year's invoices: numbers ``YYYY-NNNNNN`` without a gap, one invoice a payment.

The document carries its number and the event carries the document's commitment, so a number is taken, not handed out:
whoever typeset an invoice under the next free number issues it in one step, and is refused when another was faster.
A number that was only prepared leaves no trace, hence no gap (CGI, annexe II, art. 242 nonies A: a continuous
chronological sequence).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated, ClassVar

from pydantic import Field

from services.billing.domain.terms import FIRST_NUMBER_OF_A_YEAR, LAST_NUMBER_OF_A_YEAR, REMEMBERED_INVOICES
from shared.contracts.billing import InvoiceIssued
from shared.contracts.event import Commitment, Event, Id, Sealed
from shared.errors import Refused
from shared.money import Money
from shared.runtime.declaration import Command, Recorded, State


class Register(State):
    """``recent``: number by invoice id, of the newest invoices."""

    count: int = 0
    last_day: date | None = None
    recent: dict[str, str] = Field(default_factory=dict)


class IssueInvoice(Command):
    """Take ``number`` for the invoice of a payment; ``day`` (Europe/Paris) names the year's register."""

    aggregate: ClassVar[str] = "register"

    invoice: Id
    payment: Id
    number: Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{6}$")]
    amount: Money
    day: date
    commitment: Commitment
    sealed_digest: Sealed

    @property
    def key(self) -> str:
        return f"{self.day.year:04d}"


class ConfirmInvoice(Command):
    """Say that an invoice of ``year`` stands: what a job ends with, also when an earlier attempt issued it."""

    aggregate: ClassVar[str] = "register"

    invoice: Id
    year: Annotated[int, Field(ge=2000, le=9999)]

    @property
    def key(self) -> str:
        return f"{self.year:04d}"


def next_number(state: Register, year: int) -> str:
    """The number that the next invoice of ``year`` takes. Raises Refused when the year has no more."""
    number = state.count + FIRST_NUMBER_OF_A_YEAR
    if number > LAST_NUMBER_OF_A_YEAR:
        raise Refused("register-full", f"The register of {year} is full: widen the invoice numbers' pattern.")
    return f"{year:04d}-{number:06d}"


def next_day(state: Register, paid: date) -> date:
    """The day that an invoice paid on ``paid`` bears: never before that of the number before it."""
    return paid if state.last_day is None else max(paid, state.last_day)


def decide(state: Register, command: Command, _now: datetime) -> Iterable[Event]:
    """The invoice, or nothing when it is issued already.

    Raises:
        Refused: ``number-taken`` (a conflict): typeset it again under the next number; ``day-passed``;
            ``register-full``; ``not-issued`` for a confirmation.
    """
    match command:
        case IssueInvoice(invoice=invoice) | ConfirmInvoice(invoice=invoice) if invoice in state.recent:
            return ()
        case IssueInvoice():
            return _issued(state, command)
        case ConfirmInvoice():
            raise Refused("not-issued", "This invoice is not issued: issue it first.", field="invoice")
        case _:
            raise TypeError(f"A register knows no {type(command).__name__}.")


def evolve(state: Register, fact: Recorded) -> Register:
    """One more number taken."""
    match fact.event:
        case InvoiceIssued() as event:
            recent = {**state.recent, event.invoice: event.number}
            if len(recent) > REMEMBERED_INVOICES:
                del recent[min(recent, key=recent.__getitem__)]
            return Register(count=state.count + 1, last_day=event.day, recent=recent)
        case _:
            return state


def _issued(state: Register, command: IssueInvoice) -> Iterable[Event]:
    if command.number != next_number(state, command.day.year):
        raise Refused("number-taken", "Another invoice took this number: use the next one.", conflict=True)
    if next_day(state, command.day) != command.day:
        raise Refused("day-passed", "A later invoice is already issued: use its day.", field="day", conflict=True)
    return (
        InvoiceIssued(
            invoice=command.invoice,
            number=command.number,
            payment=command.payment,
            amount=command.amount,
            day=command.day,
            commitment=command.commitment,
            sealed_digest=command.sealed_digest,
        ),
    )
