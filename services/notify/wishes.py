"""When a person may be written to, by the wishes that stand in their sealed contact."""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.clock import PARIS
from shared.contracts.sealed import Wishes


def allowed_from(wishes: Wishes, now: datetime) -> datetime:
    """``now`` where it is within the person's hours, else the instant (same zone as ``now``) at which they begin.

    Equal ends mean the whole day.
    """
    begin, end = wishes.after, wishes.before
    local = now.astimezone(PARIS)
    clock = local.time()
    if begin == end:
        return now
    within = begin <= clock < end if begin < end else clock >= begin or clock < end
    if within:
        return now
    day = local.date() if clock < begin else local.date() + timedelta(days=1)
    return datetime.combine(day, begin, PARIS).astimezone(now.tzinfo)
