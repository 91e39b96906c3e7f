"""Dead letters as they are made: what could not be applied, where it stood, and why, without a word of its content."""

from __future__ import annotations

import traceback
from datetime import datetime
from typing import Literal

from shared.clock import now
from shared.runtime.documents import DeadLetter
from shared.runtime.folding import Loaded
from shared.runtime.messages import Arrival
from shared.runtime.transactions import StoreRefusal


def where(error: BaseException) -> str:
    """An exception as type and code line, without its message, which may hold personal data."""
    last = traceback.extract_tb(error.__traceback__)[-1:]
    return f"{type(error).__name__} at {', '.join(f'{one.name}:{one.lineno}' for one in last)}"


def reason_of(error: Exception) -> str:
    """Why something is held: the store's code, else where it failed."""
    return str(error) if isinstance(error, StoreRefusal) else where(error)


def letter_of_fact(aggregate_id: str, case: str, arrival: Arrival, reason: str, detail: str) -> DeadLetter:
    """The dead letter of a record for one aggregate: the same one each time the record is delivered."""
    return DeadLetter(
        id=f"{aggregate_id}/{arrival.topic}/{arrival.partition}/{arrival.offset}",
        kind="fact",
        reason=reason,
        detail=detail,
        aggregate=aggregate_id,
        case=case,
        time=now(),
        topic=arrival.topic,
        partition=arrival.partition,
        offset=arrival.offset,
        key=arrival.key,
        headers=arrival.headers,
        body=arrival.body,
    )


def letter_of(loaded: Loaded, kind: Literal["react", "job"], detail: str, moment: datetime) -> DeadLetter:
    """The dead letter of an aggregate whose reaction or job cannot be carried out."""
    return DeadLetter(
        id=f"{loaded.id}/{kind}/{moment.isoformat()}",
        kind=kind,
        reason=f"{kind}-failed",
        detail=detail,
        aggregate=loaded.id,
        case=loaded.case,
        time=moment,
    )


def arrival_in(letter: DeadLetter) -> Arrival:
    """The record that a letter keeps, not read yet."""
    return Arrival(letter.topic, letter.partition, letter.offset, letter.key, letter.headers, letter.body)
