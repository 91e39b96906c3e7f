"""What identifying an author can lawfully hope for, per class of data, and how long the data must still be kept.

The gate on technical data depends on the penalty of the qualification; identity stays outside it. A private request
binds nobody, so each answer names the binding route that is still open.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel

from services.legal.domain.act import known, ruled_out
from services.legal.domain.conclusion import FROZEN, Grounds, resting_on
from services.legal.domain.legal_days import after, days_left
from services.legal.rules.parameters import (
    AuthorityParameters,
    GateParameters,
    PrivateRequestParameters,
    RetentionParameters,
)
from services.legal.rules.vocabulary import Authority, DataClass, StartsFrom

if TYPE_CHECKING:
    from services.legal.domain.act import Act
    from services.legal.domain.qualification import Candidate
    from services.legal.rules import Rule, RuleBook
    from services.legal.rules.parameters import GatePath

Outcome = Literal["possible", "doubtful", "not-lawful", "expired"]
Reason = Literal[
    "gate-open",
    "qualification-only-possible",
    "doubtful-for-this-kind-of-offence",
    "depends-on-open-circumstances",
    "penalty-too-low",
    "data-no-longer-kept",
]


class Countdown(BaseModel):
    """Until which day a class of data must be kept. ``keep_until`` is None while the delay has not begun to run."""

    model_config = FROZEN
    data_class: DataClass
    starts_from: StartsFrom
    keep_until: date | None
    days_left: int | None
    grounds: Grounds


class Asker(BaseModel):
    """An authority that may ask with binding effect; ``conditions_vary``: courts do not agree on when."""

    model_config = FROZEN
    authority: Authority
    conditions_vary: bool
    grounds: Grounds


class Feasibility(BaseModel):
    """One class of data for one act under one qualification.

    ``path``: the way through the gate that is open or may open. ``binding_route``: the first authority that may still
    ask; None when nobody lawfully may, or when the data need not be kept any more.
    """

    model_config = FROZEN
    act: str
    offence: str
    data_class: DataClass
    outcome: Outcome
    reason: Reason
    path: str | None
    countdown: Countdown
    who_may_ask: tuple[Asker, ...]
    binding_route: Authority | None
    private_request_binds: Literal[False]
    grounds: Grounds


def feasibility(
    book: RuleBook,
    act: Act,
    candidate: Candidate,
    today: date,
    *,
    account_closed_on: date | None = None,
    contract_ended_on: date | None = None,
) -> tuple[Feasibility, ...]:
    """The feasibility of every class of data that the rules know on ``today``, in the order of the rules."""
    countdowns = {
        one.data_class: one
        for one in retention(book, act, today, account_closed_on=account_closed_on, contract_ended_on=contract_ended_on)
    }
    letter_rule = book.one(PrivateRequestParameters, today)
    return tuple(
        _feasible(
            book,
            gate_rule,
            act,
            candidate,
            today=today,
            countdown=countdowns[gate_rule[1].data_class],
            letter_rule=letter_rule,
        )
        for gate_rule in book.of(GateParameters, today)
    )


def retention(
    book: RuleBook,
    act: Act,
    today: date,
    *,
    account_closed_on: date | None = None,
    contract_ended_on: date | None = None,
) -> tuple[Countdown, ...]:
    """How long each class of data about ``act`` must still be kept, in the order of the rules."""
    begins = {
        StartsFrom.ACT: act.day,
        StartsFrom.ACCOUNT_CLOSED: account_closed_on,
        StartsFrom.CONTRACT_ENDED: contract_ended_on,
    }
    found = []
    for rule, kept in book.of(RetentionParameters, today):
        begin = begins[kept.starts_from]
        until = after(begin, kept.delay) if begin else None
        found.append(
            Countdown(
                data_class=kept.data_class,
                starts_from=kept.starts_from,
                keep_until=until,
                days_left=days_left(until, today) if until else None,
                grounds=resting_on(today, (rule,)),
            )
        )
    return tuple(found)


def who_may_ask(book: RuleBook, data_class: DataClass, today: date) -> tuple[Asker, ...]:
    """The authorities that may ask for ``data_class``, in the order in which they are shown."""
    able = [
        (rule, authority)
        for rule, authority in book.of(AuthorityParameters, today)
        if data_class in authority.data_classes
    ]
    return tuple(
        Asker(
            authority=authority.authority,
            conditions_vary=authority.conditions_vary,
            grounds=resting_on(today, (rule,)),
        )
        for rule, authority in sorted(able, key=lambda one: one[1].order)
    )


def _feasible(
    book: RuleBook,
    gate_rule: tuple[Rule, GateParameters],
    act: Act,
    candidate: Candidate,
    *,
    today: date,
    countdown: Countdown,
    letter_rule: tuple[Rule, PrivateRequestParameters],
) -> Feasibility:
    rule, gate = gate_rule
    letter, private = letter_rule
    outcome, reason, path = _through(gate, act, candidate)
    gone = countdown.days_left is not None and countdown.days_left < 0
    if gone and outcome != "not-lawful":
        outcome, reason = "expired", "data-no-longer-kept"
    askers = () if outcome == "not-lawful" else who_may_ask(book, gate.data_class, today)
    own = resting_on(today, (rule, letter))
    rules = tuple(dict.fromkeys((*own.rules, *countdown.grounds.rules, *candidate.grounds.rules)))
    return Feasibility(
        act=act.id,
        offence=candidate.offence,
        data_class=gate.data_class,
        outcome=outcome,
        reason=reason,
        path=path.name if path else None,
        countdown=countdown,
        who_may_ask=askers,
        binding_route=askers[0].authority if askers and not gone else None,
        private_request_binds=private.binds,
        grounds=Grounds(rules=rules, status="general" if any(one.status == "general" for one in rules) else "sourced"),
    )


def _through(gate: GateParameters, act: Act, candidate: Candidate) -> tuple[Outcome, Reason, GatePath | None]:
    """Whether a path of the gate is open on what is known, may open on what is not, or is closed."""
    facts, out = known(act), ruled_out(act)
    for path in gate.paths:
        if candidate.penalty.prison_months >= path.prison_months_at_least and set(path.requires) <= facts:
            if candidate.regime in path.doubtful_for:
                return "doubtful", "doubtful-for-this-kind-of-offence", path
            if candidate.certainty == "possible":
                return "doubtful", "qualification-only-possible", path
            return "possible", "gate-open", path
    for path in gate.paths:
        if candidate.highest.prison_months >= path.prison_months_at_least and not set(path.requires) & out:
            return "doubtful", "depends-on-open-circumstances", path
    return "not-lawful", "penalty-too-low", None
