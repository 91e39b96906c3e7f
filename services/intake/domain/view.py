"""What each role sees of a case, and the one thing to do next."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from services.intake.domain.ending import under_way
from services.intake.domain.people import is_opener
from services.intake.domain.state import Case
from shared.clock import paris_day
from shared.contracts.intake import Role

Section = Literal[
    "next-step",
    "urgency",
    "timeline",
    "limits",
    "facts",
    "contact",
    "authors",
    "people",
    "invite",
    "ledger",
    "erasure",
    "evidence",
    "diagnosis",
    "complaint",
    "money",
    "notifications",
]

_FOLLOWED: tuple[Section, ...] = ("next-step", "urgency", "timeline", "limits", "evidence", "diagnosis", "complaint")
_OWN: tuple[Section, ...] = ("next-step", "evidence")
_OF_OPENER: tuple[Section, ...] = ("facts", "invite", "erasure")
_SECTIONS: dict[Role, tuple[Section, ...]] = {
    "victim": (
        *_FOLLOWED,
        "money",
        "notifications",
        "facts",
        "contact",
        "authors",
        "people",
        "invite",
        "ledger",
        "erasure",
    ),
    "guardian": (*_FOLLOWED, "money", "invite"),
    "witness": _OWN,
    "institution": _OWN,
    "case-worker": (*_FOLLOWED, "facts", "contact", "authors", "people", "invite"),
    "lawyer": (*_FOLLOWED, "money", "facts", "contact", "authors", "people", "invite"),
    "accountant": ("next-step", "money"),
}


class Step(BaseModel):
    """What to do next: a stable code that texts are looked up by, and its day (Europe/Paris) where there is one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str
    day: date | None = None


def view(role: Role, state: Case, *, holder: str = "") -> tuple[Section, ...]:
    """The sections that ``role`` sees.

    A guardian never sees the minor's own words, people or ledger; a witness and an institution see what they gave
    alone; whoever opened the case for another also sees what they wrote and may invite, until it is taken over.
    """
    sections = _SECTIONS[role]
    if role in {"witness", "institution"} and is_opener(state, holder):
        return (*sections, *_OF_OPENER)
    return sections


def next_step(role: Role, state: Case, now: datetime, *, holder: str = "") -> Step:
    """The one visible thing that this person does, or waits for, now."""
    if state.file.closed:
        return Step(code="closed")
    if under_way(state) is not None:
        return Step(code="erasure-under-way")
    match role:
        case "case-worker" | "lawyer" | "accountant":
            return _for_the_team(state)
        case "witness" | "institution":
            return _for_others(state, holder)
        case _:
            return _for_the_person(state, paris_day(now))


def _for_the_team(state: Case) -> Step:
    if not state.taken_over:
        return Step(code="team-wait-takeover")
    if state.diagnosis.value is None:
        return Step(code="team-diagnose")
    return Step(code="team-follow" if state.file.identity_proven else "team-prove-identity")


def _for_others(state: Case, holder: str) -> Step:
    access = state.access_of(holder)
    if access is not None and access in state.guardians:
        return Step(code="wait-authority")
    return Step(code="invite-victim" if is_opener(state, holder) else "add-own-evidence")


def _for_the_person(state: Case, today: date) -> Step:
    coming = sorted(
        one.value.day
        for one in state.hearings.values()
        if one.value is not None and one.value.status in {"scheduled", "moved"} and one.value.day >= today
    )
    if coming:
        return Step(code="hearing", day=coming[0])
    if state.judged:
        return Step(code="judged")
    complaints = state.complaints.values()
    filed = [one.filed.value for one in complaints if one.filed.value is not None]
    if filed:
        return Step(code="wait-answer" if state.complaint_open else "answered", day=max(filed))
    if any(one.approved for one in complaints):
        return Step(code="wait-filing")
    if any(one.drafts for one in complaints):
        return Step(code="wait-approval" if state.file.identity_proven else "prove-identity")
    if state.diagnosis.value is not None:
        return Step(code="read-diagnosis")
    return Step(code="add-evidence")
