"""Answers kept for a repeated Idempotency-Key, stored in the transaction of the command they answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """``id``: scope and key; ``body_hmac``: keyed hash (hex) of the request; ``sealed``: the answer, to the case's key.

    ``expires``: aware UTC; the store forgets it afterwards.
    """

    id: str
    body_hmac: str
    sealed: str
    expires: datetime
