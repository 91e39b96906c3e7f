"""What the facts of a case warrant: mails to the person, pages to the team."""

from __future__ import annotations

from datetime import datetime

from services.notify.domain import paging, planning
from services.notify.domain.state import Case
from shared.runtime.declaration import Decision


def react(state: Case, now: datetime) -> Decision:
    """Clearances of erasures, the mails that are not settled, the next page of every alarm."""
    yield from planning.react(state, now)
    yield from paging.asked(state, now)
