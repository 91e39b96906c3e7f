"""What an account answers to a command: events, or a reason why not."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from services.billing.domain.account import Account, refund_id
from services.billing.domain.commands import (
    ChooseFunding,
    DecideCover,
    GiveUp,
    NoteRefund,
    NoteViewing,
    ReceivePayment,
    ReceiveTransfer,
    RecordRecovery,
)
from services.billing.domain.standing import (
    awarded,
    ending,
    insurer_closed,
    insurer_payment,
    kept_from_person,
    recovered,
)
from shared.contracts.billing import (
    CostsRecovered,
    CoverAsked,
    CoverDecided,
    FundingChosen,
    PaymentReceived,
    PaymentRefunded,
)
from shared.contracts.event import Event
from shared.contracts.everyone import RecordViewed
from shared.errors import NotFound, Refused
from shared.money import Money
from shared.runtime.declaration import Command


def decide(state: Account, command: Command, _now: datetime) -> Iterable[Event]:
    """The events that a command leads to; none when it repeats what is already so. Raises Refused, NotFound."""
    match command:
        case ChooseFunding():
            return _choose(state, command)
        case DecideCover():
            return _cover(state, command)
        case ReceivePayment():
            return _received(state, command)
        case ReceiveTransfer():
            return _transferred(state, command)
        case NoteRefund():
            return _refunded(state, command)
        case RecordRecovery():
            return _recovered(state, command)
        case NoteViewing():
            return _viewed(state, command)
        case GiveUp(kind=kind):
            raise Refused("job-failed", f"The job {kind} failed for good: mend its cause, then redrive the case.")
        case _:
            raise TypeError(f"An account knows no {type(command).__name__}.")


def _choose(state: Account, command: ChooseFunding) -> Iterable[Event]:
    if not state.file.opened or state.file.erased:
        raise NotFound
    if command.cover is not None and command.cover in state.covers:
        return ()
    choice = command.choice if command.safe else "legal-aid"
    if choice != "insurer" and choice == state.funding:
        return ()
    if ending(state):
        raise Refused("case-ending", "This case is being erased: nothing more is billed, nothing is left to choose.")
    if kept_from_person(state):
        raise Refused("already-paid", "The complaint is already paid: nothing more is asked of you.", conflict=True)
    match choice:
        case "insurer":
            return _insurer(state, command)
        case "person" if _alone_and_minor(state, command):
            raise Refused(
                "minor-cannot-pay",
                "A minor signs no fee agreement: choose legal aid, or let a representative choose.",
                field="choice",
            )
        case _:
            return (FundingChosen(choice=choice),)


def _insurer(state: Account, command: ChooseFunding) -> Iterable[Event]:
    if insurer_closed(state):
        raise Refused(
            "insurer-closed",
            "No insurer is asked in this case, so that no letter reaches the wrong hands: choose legal aid instead.",
            field="choice",
        )
    if not command.consent_shown_recipient:
        raise Refused(
            "consent-needed",
            "First look at who would receive the insurer's letters, then say yes or choose another way.",
            field="consent_shown_recipient",
        )
    if command.cover is None or command.insurer is None or command.sealed_policy is None:
        raise Refused("insurer-needed", "Name the insurer and give the policy's number.", field="insurer")
    if any(cover.decision in {None, "accepted"} for cover in state.covers.values()):
        raise Refused("cover-asked", "An insurer was already asked: wait for its answer.", conflict=True)
    return (
        FundingChosen(choice="insurer", insurer=command.insurer),
        CoverAsked(cover=command.cover, insurer=command.insurer, sealed_policy=command.sealed_policy),
    )


def _alone_and_minor(state: Account, command: ChooseFunding) -> bool:
    facets = state.file.facets.value
    return facets is not None and facets.minor is True and command.role == "victim"


def _cover(state: Account, command: DecideCover) -> Iterable[Event]:
    cover = state.covers.get(command.cover)
    # Another insurer must not learn that this cover exists.
    if cover is None or cover.insurer != command.insurer:
        raise Refused("unknown-cover", "No such question was put to this insurer: check the cover's id.", field="cover")
    if cover.decision == command.decision:
        return ()
    if cover.decision == "accepted":
        raise Refused("already-accepted", "This cover was accepted: it cannot be taken back here.", conflict=True)
    return (CoverDecided(cover=command.cover, decision=command.decision, ceiling=command.ceiling),)


def _received(state: Account, command: ReceivePayment) -> Iterable[Event]:
    request = state.requests.get(command.payment)
    if request is None or request.payer != "person":
        raise Refused("unknown-payment", "No such payment was asked for here: check its id.", field="payment")
    if (command.cents, command.currency) != (request.cents, "EUR"):
        raise Refused("amount-mismatch", "The amount is not the one asked for: an accountant must look.", field="cents")
    if refund_id(command.reference) in state.receipts:
        return ()
    return (_receipt(command.payment, request.cents, "person", command.reference),)


def _transferred(state: Account, command: ReceiveTransfer) -> Iterable[Event]:
    payment = insurer_payment(state.case)
    request = state.requests.get(payment)
    if request is None:
        raise Refused("nothing-asked", "Nothing is asked of an insurer in this case: check the case.", field="case")
    known = state.receipts.get(refund_id(command.reference))
    if known is not None and (known.payment, known.cents) == (payment, command.cents):
        return ()
    if any(receipt.payment == payment for receipt in state.receipts.values()):
        raise Refused("already-paid", "The insurer has already paid: send this transfer back.", conflict=True)
    if known is not None:
        raise Refused("reference-used", "Another receipt has this reference: check the bank's.", field="reference")
    if command.cents != request.cents:
        raise Refused("amount-mismatch", "The amount is not the one asked for: check it.", field="cents")
    return (_receipt(payment, request.cents, "insurer", command.reference),)


def _refunded(state: Account, command: NoteRefund) -> Iterable[Event]:
    receipt = state.receipts.get(command.refund)
    if receipt is None:
        raise Refused("nothing-received", "Nothing was received that this could give back.", field="refund")
    if command.refund in state.refunds:
        return ()
    amount = Money(cents=receipt.cents)
    return (PaymentRefunded(refund=command.refund, payment=receipt.payment, amount=amount, reason=command.reason),)


def _recovered(state: Account, command: RecordRecovery) -> Iterable[Event]:
    costs = awarded(state, command.judgment)
    if costs is None:
        raise Refused("unknown-judgment", "No such judgment is known of this case: check its id.", field="judgment")
    known = state.recoveries.get(command.recovery)
    if known is not None:
        if (known.judgment, known.cents) == (command.judgment, command.cents):
            return ()
        raise Refused("recovery-differs", "This recovery was recorded with other figures.", conflict=True)
    if recovered(state, command.judgment) + command.cents > costs:
        raise Refused("above-awarded", "This is more than the judgment awarded: check the amount.", field="cents")
    amount = Money(cents=command.cents)
    return (CostsRecovered(recovery=command.recovery, judgment=command.judgment, amount=amount),)


def _viewed(state: Account, command: NoteViewing) -> Iterable[Event]:
    if not state.file.opened or state.file.erased:
        raise NotFound
    return (RecordViewed(viewer=command.viewer, role=command.role, record=command.record, record_id=command.record_id),)


def _receipt(payment: str, cents: int, payer: str, reference: str) -> PaymentReceived:
    return PaymentReceived.model_validate(
        {"payment": payment, "amount": Money(cents=cents), "payer": payer, "provider_reference": reference}
    )
