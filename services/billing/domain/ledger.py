"""The ledger: double entry in cents, derived from the account's facts and from nothing else (I4: it balances).

Fees are booked when money moves (cash accounting of the professions libérales), so an invitation to pay that is later
void needs no correction. Damages are in no account: they pass through the lawyers' fund.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from services.billing.domain.account import Account, Receipt
from services.billing.domain.standing import awarded

AccountName = Literal["bank", "fees", "refunds-due", "convicted", "costs-awarded", "costs-held"]
"""``bank``: money with us or the provider. ``fees``: earned. ``refunds-due``: received and to be given back.
``convicted``: what they owe. ``costs-awarded``: the same, as the person's claim. ``costs-held``: recovered for them."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: ``debit`` or ``credit`` in cents (the other is 0), of a ``transaction`` that balances."""

    transaction: str
    account: AccountName
    debit: int = 0
    credit: int = 0


def ledger(state: Account) -> tuple[Entry, ...]:
    """All entries of the account, in a fixed order."""
    return tuple(_entries(state))


def balances(entries: Iterable[Entry]) -> dict[str, int]:
    """Debit less credit by account, in cents; their sum is 0."""
    totals: Counter[str] = Counter()
    for entry in entries:
        totals[entry.account] += entry.debit - entry.credit
    return dict(totals)


def _entries(state: Account) -> Iterator[Entry]:
    for refund, receipt in sorted(state.receipts.items()):
        yield from _move(f"receipt/{refund}", "bank", _counterpart(receipt), receipt.cents)
        if refund in state.refunds:
            yield from _move(f"refund/{refund}", _counterpart(receipt), "bank", receipt.cents)
    for judgment in sorted(state.judgments):
        yield from _move(f"judgment/{judgment}", "convicted", "costs-awarded", awarded(state, judgment) or 0)
    for recovery, one in sorted(state.recoveries.items()):
        yield from _move(f"recovery/{recovery}", "bank", "convicted", one.cents)
        yield from _move(f"recovery/{recovery}", "costs-awarded", "costs-held", one.cents)


def _counterpart(receipt: Receipt) -> AccountName:
    return "refunds-due" if receipt.late or receipt.order > 1 else "fees"


def _move(transaction: str, debited: AccountName, credited: AccountName, cents: int) -> Iterator[Entry]:
    if cents:
        yield Entry(transaction, debited, debit=cents)
        yield Entry(transaction, credited, credit=cents)
