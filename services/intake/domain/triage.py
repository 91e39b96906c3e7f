"""Urgency, computed from coarse facts alone: danger, degrading content, spreading, near deadlines."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal, get_args

from services.intake.domain.state import Case, Deadline
from shared.clock import start_of_paris_day
from shared.contracts.intake import Facets, Urgency

ActKind = Literal[
    "insult",
    "threat",
    "repeated-messages",
    "raid",
    "sexual-remarks",
    "intimate-image",
    "fake-image",
    "sexual-deepfake",
    "doxing",
    "identity-theft",
    "blackmail",
    "defamation",
    "provocation",
]
"""What was done, as coarse as a person can tell at opening; legal's rules use the same words."""

ACT_KINDS: tuple[str, ...] = get_args(ActKind)
DEGRADING = frozenset({"intimate-image", "fake-image", "sexual-deepfake"})
PRESSING = frozenset({"press-limit", "limitation", "data-retention"})
NEAR = timedelta(days=10)
"""How long before its last day a deadline makes a case critical."""

_ORDER: tuple[Urgency, ...] = ("normal", "high", "critical")


def highest(urgencies: Iterable[Urgency]) -> Urgency:
    """The most urgent of them; normal when there is none."""
    return max(urgencies, key=_ORDER.index, default="normal")


def of_facets(facets: Facets, *, danger: bool) -> Urgency:
    """Urgency by what was reported.

    Danger, or degrading content (real or fabricated) that is spreading or shows a minor, is critical; degrading
    content, spreading, blackmail, a threat or a leaked address is high.
    """
    kinds = {act.kind for act in facets.acts}
    if danger or (kinds & DEGRADING and (facets.spreading or facets.minor)):
        return "critical"
    if facets.spreading or kinds & (DEGRADING | {"blackmail", "threat", "doxing"}):
        return "high"
    return "normal"


def near_from(deadline: Deadline) -> datetime:
    """The instant from which a deadline makes its case critical, UTC."""
    return start_of_paris_day(deadline.last_day - NEAR)


def wanted(state: Case, facets: Facets, now: datetime) -> Urgency:
    """Urgency by all that is known at ``now``. A deadline already past counts as near: somebody has to look."""
    threats = (latest.value for latest in state.deadlines.values() if latest.value is not None)
    by_deadline: list[Urgency] = ["critical" if now >= near_from(one) else "high" for one in threats]
    return highest([of_facets(facets, danger=state.danger), *by_deadline])
