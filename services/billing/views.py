"""What the API and the page tell of an account, by who looks."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from services.billing.domain.account import Account, Choice, Decision
from services.billing.domain.ledger import balances, ledger
from services.billing.domain.standing import Status, due, recovered, status
from services.billing.domain.terms import COMPLAINT_FEE
from shared.contracts.sealed import Damages
from shared.money import Money
from shared.runtime.latest import Latest

NEXT: Final[dict[Status, str]] = {
    "choose-funding": "choose-funding",
    "payment-due": "pay",
    "cover-pending": "wait-for-insurer",
    "refund-pending": "wait-for-refund",
}
"""The one next thing for the person; where none is named, nothing is to be done."""


class _View(BaseModel):
    model_config = ConfigDict(frozen=True)


class CoverView(_View):
    cover: str
    insurer: str
    decision: Decision | None


class InvoiceView(_View):
    invoice: str
    number: str
    amount: Money
    day: date
    document: str


class CostsView(_View):
    judgment: str
    awarded: Money
    recovered: Money


class AccountView(_View):
    """``damages``: memo of what judgments awarded, paid through the lawyers' fund, never by us."""

    case: str
    status: Status
    next_step: str
    funding: Choice | None
    fee: Money
    due: Money
    covers: tuple[CoverView, ...]
    invoices: tuple[InvoiceView, ...]
    costs: tuple[CostsView, ...]
    damages: tuple[Damages, ...] = ()


class EntryView(_View):
    transaction: str
    account: str
    debit: int
    credit: int


class LedgerView(_View):
    """Cents. ``balances``: debit less credit by account; their sum is 0."""

    entries: tuple[EntryView, ...]
    balances: dict[str, int]


def account_view(state: Account, damages: tuple[Damages, ...] = ()) -> AccountView:
    """The account as who may see the case sees it."""
    now = status(state)
    return AccountView(
        case=state.case,
        status=now,
        next_step=NEXT.get(now, "nothing"),
        funding=state.funding,
        fee=COMPLAINT_FEE,
        due=Money(cents=due(state)),
        covers=tuple(
            CoverView(cover=key, insurer=one.insurer, decision=one.decision)
            for key, one in sorted(state.covers.items())
        ),
        invoices=tuple(
            InvoiceView(
                invoice=one.id,
                number=one.number,
                amount=Money(cents=one.cents),
                day=one.day,
                document=f"/billing/cases/{state.case}/invoices/{one.id}",
            )
            for one in sorted(state.invoices.values(), key=lambda one: one.number)
        ),
        costs=tuple(
            CostsView(
                judgment=key,
                awarded=Money(cents=judgment.costs),
                recovered=Money(cents=recovered(state, key)),
            )
            for key, judgment in sorted(_known(state.judgments).items())
        ),
        damages=damages,
    )


def ledger_view(state: Account) -> LedgerView:
    """The ledger of one case."""
    entries = ledger(state)
    return LedgerView(
        entries=tuple(EntryView(**asdict(entry)) for entry in entries),
        balances=balances(entries),
    )


def _known(judgments: dict[str, Latest[Any]]) -> dict[str, Any]:
    return {key: latest.value for key, latest in judgments.items() if latest.value is not None}
