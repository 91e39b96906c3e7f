"""The one thing that the team does next for a case, from the facts alone."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict

from services.legal.domain.state import Case, Complaint

Code = Literal[
    "closed",
    "assign-lawyer",
    "diagnose",
    "tell-another-way",
    "draft",
    "prove-identity",
    "approve",
    "file",
    "attend",
    "say-if-held",
    "judge",
    "wait-answer",
    "next-way",
    "follow",
    "judged",
]


class Step(BaseModel):
    """``day``: the Paris day it is about. ``about``: the complaint or hearing that it is about."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: Code
    day: date | None = None
    about: str = ""


def next_step(state: Case, today: date) -> Step:
    """What comes next; a hearing's day that has come goes before everything but the end."""
    if state.file.closed:
        return Step(code="closed")
    judged = {one.hearing for one in state.judgments.values()}
    for name, hearing in sorted(state.hearings.items(), key=lambda item: (item[1].day, item[0])):
        # An investigation's appointment ends in no judgment.
        if hearing.to_come and hearing.day <= today and name not in judged:
            return Step(code="say-if-held", day=hearing.day, about=name)
        if hearing.status == "held" and hearing.kind != "investigation" and name not in judged:
            return Step(code="judge", day=hearing.day, about=name)
    return _of_complaints(state) or _of_the_rest(state)


def _of_complaints(state: Case) -> Step | None:
    for name, one in sorted(state.complaints.items()):
        if one.draft is None or one.filed is not None:
            continue
        if _approved(one):
            return Step(code="file", about=name)
        return Step(code="approve" if state.file.identity_proven else "prove-identity", about=name)
    return None


def _approved(one: Complaint) -> bool:
    return bool(one.draft and one.approved and one.draft.commitment == one.approved.commitment)


def _of_the_rest(state: Case) -> Step:
    coming = sorted((one.day, name) for name, one in state.hearings.items() if one.to_come)
    if coming:
        return Step(code="attend", day=coming[0][0], about=coming[0][1])
    if state.judgments:
        return Step(code="judged")
    filed = [(one.filed.day, name) for name, one in state.complaints.items() if one.filed is not None]
    if filed:
        return Step(code="wait-answer" if state.complaint_open else "next-way", day=max(filed)[0], about=max(filed)[1])
    if state.diagnosis is None:
        return Step(code="diagnose" if state.file.assigned.get("lawyer") else "assign-lawyer")
    if not state.diagnosis.eligible:
        return Step(code="tell-another-way")
    return Step(code="draft" if "complaint" in state.diagnosis.options else "follow")
