"""What may be asked of an account. Ids and sealed values are made at the edge."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from services.billing.domain.account import Choice
from shared.contracts.event import Id, Kind, Sealed
from shared.contracts.intake import Role
from shared.money import Cents, Money
from shared.runtime.declaration import Command

Positive = Annotated[int, Field(strict=True, gt=0, le=10**12)]


class AccountCommand(Command):
    aggregate: ClassVar[str] = "case"


class ChooseFunding(AccountCommand):
    """How the complaint is borne. ``safe`` of False leads to legal aid, whatever ``choice`` says.

    ``consent_shown_recipient``: the person said yes after being shown who would receive the insurer's letters.
    """

    role: Role
    choice: Choice
    safe: bool = True
    consent_shown_recipient: bool = False
    cover: Id | None = None
    insurer: Id | None = None
    sealed_policy: Sealed | None = None


class DecideCover(AccountCommand):
    """An insurer's answer; ``insurer`` is the partner that signed it."""

    cover: Id
    insurer: Id
    decision: Literal["accepted", "refused"]
    ceiling: Money | None = None


class ReceivePayment(AccountCommand):
    """The provider says that a payment was made; ``reference`` is its own id of it."""

    payment: Id
    cents: Cents
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    reference: Id


class ReceiveTransfer(AccountCommand):
    """An accountant saw the insurer's transfer; ``reference`` is the bank's."""

    cents: Positive
    reference: Id


class NoteRefund(AccountCommand):
    """The provider gave a receipt back in full."""

    refund: Id
    reason: Kind


class RecordRecovery(AccountCommand):
    """The convicted paid ``cents`` of the costs of a judgment."""

    recovery: Id
    judgment: Id
    cents: Positive


class NoteViewing(AccountCommand):
    """Somebody read the case's invoice, or, of the team, what is sealed: for the person's access ledger."""

    viewer: Id
    role: Role
    record: Literal["invoice", "contact"]
    record_id: Id | None = None


class GiveUp(AccountCommand):
    """A job of the account cannot be done. Refused on purpose: a human has to look before money stands still."""

    kind: Kind
    reason: str
