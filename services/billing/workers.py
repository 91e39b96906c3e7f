"""The jobs of billing: giving money back, and issuing invoices. Neither is ever dropped.

A job that fails for good ends in a refused command, so that the case is held until an operator has mended the cause
and redrives it: money that is owed does not stand still in silence.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime, timedelta
from typing import Final

from services.billing.documents import InvoiceFile, Line, Party, Payment, render_invoice_async
from services.billing.domain.account import Account
from services.billing.domain.commands import GiveUp, NoteRefund
from services.billing.domain.register import ConfirmInvoice, IssueInvoice, Register, next_day, next_number
from services.billing.domain.standing import insurer_payment
from services.billing.payments import Payments
from services.billing.seller import Seller
from shared.contracts.sealed import Contact, DocumentDigest, read_sealed
from shared.errors import BrokenContract, Refused
from shared.ids import derived
from shared.money import Money
from shared.runtime.declaration import Attempt, Command, Impossible, Worker
from shared.runtime.running import Running
from shared.trust.sealing import Purpose, commitment, new_salt, seal

TRIES: Final = 20
"""How often another invoice may be faster before the job waits for its next attempt."""

_one_at_a_time: Final = asyncio.Lock()
MEANS: Final = {"person": "carte bancaire", "insurer": "virement"}


async def refund(attempt: Attempt, running: Running) -> Sequence[Command]:
    """Give a receipt back in full; the job's id, hashed, is the provider's idempotency key."""
    payments: Payments = running.tools
    # Hashed: the provider need not learn the ids inside a job's id.
    await payments.refund(attempt.payload["reference"], attempt.payload["cents"], key=derived(attempt.id))
    return (NoteRefund(case=attempt.case, refund=attempt.subject, reason=attempt.payload["reason"]),)


async def issue_invoice(attempt: Attempt, running: Running) -> Sequence[Command]:
    """Typeset, keep and issue the invoice of a payment under the register's next number.

    The number is taken by the command; when another invoice was faster, this one is typeset again under the next.
    """
    paid = date.fromisoformat(attempt.payload["day"])
    invoice = invoice_id(attempt.subject)
    confirm = ConfirmInvoice(case=attempt.case, invoice=invoice, year=paid.year)
    account: Account = await running.load("case", attempt.case)
    async with _one_at_a_time:
        for _ in range(TRIES):
            register: Register = await running.load("register", confirm.key)
            if invoice in register.recent:
                return (confirm,)
            number, day = next_number(register, paid.year), next_day(register, paid)
            if await _issued(await _prepared(attempt, running, account, number=number, day=day), running, attempt.id):
                return (confirm,)
    raise Refused("number-taken", "Other invoices were faster every time: the next attempt goes on.", conflict=True)


def invoice_id(payment: str) -> str:
    """The id of the one invoice of a payment."""
    return derived("invoice", payment)


def object_name(invoice: str, commitment: str) -> str:
    """Where a document lies in the bucket: an issued invoice names its own by its commitment.

    It is kept for ten years, hence not sealed to a case's key, which an erasure destroys.
    """
    return f"{invoice}.{commitment}"


async def _issued(command: IssueInvoice, running: Running, cause: str) -> bool:
    """Whether the prepared invoice took its number; what was prepared in vain is deleted."""
    own = object_name(command.invoice, command.commitment)
    try:
        done = await running.carry_out(command, cause=cause)
    except Refused as refusal:
        if not refusal.conflict:
            raise
        await running.objects.delete(own)
        return False
    if not done.events:
        await running.objects.delete(own)
        return False
    # An attempt that was cut short may have left another document of this invoice.
    for name in await running.objects.names(command.invoice):
        if name != own:
            await running.objects.delete(name)
    return True


async def _prepared(attempt: Attempt, running: Running, account: Account, *, number: str, day: date) -> IssueInvoice:
    invoice = invoice_id(attempt.subject)
    if "contact" not in account.file.recipients:
        raise Impossible("no-recipient")
    cents = int(attempt.payload["cents"])
    seller = Seller()
    tax = seller.tax(cents)
    document = await render_invoice_async(
        InvoiceFile(
            number=number,
            issued_on=day,
            supplied_on=date.fromisoformat(attempt.payload["day"]),
            created=datetime.fromisoformat(attempt.payload["received"]),
            seller=seller.party(),
            payer=await _payer(attempt, running, account),
            lines=(Line(unit_cents=cents - tax.cents),),
            tax=tax,
            total_cents=cents,
            payment=Payment(day=date.fromisoformat(attempt.payload["day"]), means=MEANS[attempt.payload["payer"]]),
        )
    )
    salt, digest = new_salt(), hashlib.sha256(document).digest()
    committed = commitment(salt, digest)
    await running.objects.put(object_name(invoice, committed), _whole(document), length=len(document))
    return IssueInvoice(
        case=attempt.case,
        invoice=invoice,
        payment=attempt.subject,
        number=number,
        amount=Money(cents=cents),
        day=day,
        commitment=committed,
        sealed_digest=seal(
            DocumentDigest(salt=salt.hex(), digest=digest.hex()).content(), account.file.recipients["contact"]
        ),
    )


async def _payer(attempt: Attempt, running: Running, account: Account) -> Party:
    if attempt.subject == insurer_payment(attempt.case):
        cover = next(one for one in account.covers.values() if one.decision == "accepted")
        partner = await running.keyring.partner(cover.insurer)
        return Party(name=partner.name if partner else cover.insurer)
    if account.contact.value is None:
        return _unnamed(attempt.case)
    opened = await running.reveal(attempt.case, Purpose.CONTACT, account.contact.value)
    try:
        return _named(read_sealed(Contact, opened), attempt.case)
    except BrokenContract:
        # An invoice is due whatever the contact is like.
        return _unnamed(attempt.case)


def _named(contact: Contact, case: str) -> Party:
    """The payer by the names of the case's contact where there are any, else by the case's reference."""
    name = " ".join(part for part in (contact.first_names, contact.last_name) if part)
    return Party(name=name, address=contact.address) if name else _unnamed(case)


def _unnamed(case: str) -> Party:
    return Party(name=f"Client, référence {case[:8].upper()}")


async def _whole(document: bytes) -> AsyncIterator[bytes]:
    yield document


def _given_up(attempt: Attempt, reason: str) -> Command:
    return GiveUp(case=attempt.case, kind=attempt.kind, reason=reason)


REFUND: Final = Worker("refund", refund, _given_up, policy="idempotent", attempts=40)
ISSUE_INVOICE: Final = Worker(
    "issue-invoice", issue_invoice, _given_up, policy="idempotent", attempts=40, lease=timedelta(seconds=120)
)
