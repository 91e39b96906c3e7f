"""Amounts and delays of billing, each with its reason, in this one place."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from shared.money import Money

COMPLAINT_FEE: Final = Money(cents=8000)
"""80 EUR when a complaint is made, then nothing more from the person (the offer, design "Money")."""

COVER_ANSWER: Final = timedelta(days=30)
"""How long an insurer's silence is waited for. A term of the offer, not of the law: long enough for a claims desk,
short beside the three months of a press limit; a later acceptance still counts and refunds the person."""

TIME_BARRED: Final = "time-barred"
"""The reason by which a diagnosis says that the complaint can no longer be filed in time."""

FIRST_NUMBER_OF_A_YEAR: Final = 1
LAST_NUMBER_OF_A_YEAR: Final = 999_999
REMEMBERED_INVOICES: Final = 1000
"""Invoices that a year's register knows by id. A repeat can only fall between the register's commit and the account's
reading of its event (seconds, at worst a bus outage), so a bounded memory is enough and the state does not grow."""
