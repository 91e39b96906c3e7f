"""The dossier as the API says it and as the page shows it, cut to what the asking role may see."""

from __future__ import annotations

from typing import Any, Final

from services.intake.domain.commands import RecordView
from services.intake.domain.ending import failed, under_way
from services.intake.domain.ledger import Ledger
from services.intake.domain.people import is_opener
from services.intake.domain.state import Case
from services.intake.domain.view import next_step, view
from shared import clock
from shared.contracts.intake import CaseOpened, Role
from shared.contracts.sealed import read_sealed
from shared.contracts.sealed_fields import SEALED
from shared.runtime.running import Running
from shared.trust.sessions import Session

TOLD: Final = ("facts", "contact", "authors")
"""The sections that are sealed."""


async def dossier(running: Running, session: Session, case: str, state: Case) -> dict[str, Any]:
    """Everything that this session sees of the case, as JSON. What somebody else than the person reads is recorded.

    Sealed sections are there only with the passphrase (``locked`` names them otherwise).
    """
    role = state.file.role_of(session.sub) or "witness"
    now = clock.now()
    sections = view(role, state, holder=session.sub)
    facets = state.file.facets.value
    step = next_step(role, state, now, holder=session.sub)
    sealed = [one for one in TOLD if one in sections and one in state.sealed]
    unlocked = session.case_id is None or "full" in session.scope
    told: dict[str, Any] = {
        "case": case,
        "role": role,
        "sections": list(sections),
        "next_step": step.model_dump(mode="json", exclude_none=True),
        "closed": state.file.closed,
        "taken_over": state.taken_over,
        "locked": [] if unlocked else sealed,
    }
    if "urgency" in sections and facets is not None:
        told["urgency"] = facets.urgency
        told["facets"] = facets.model_dump(mode="json")
        told["identity_proven"] = state.file.identity_proven
        told["assigned"] = {part: latest.value for part, latest in sorted(state.file.assigned.items())}
    if "timeline" in sections:
        told["timeline"] = _timeline(state)
    if "limits" in sections:
        limits = state.limits.value
        told["earliest_limit"] = limits.earliest.isoformat() if limits and limits.earliest else None
    if "people" in sections:
        told["people"] = _people(state, session.sub)
    if "erasure" in sections:
        told["erasures"] = _erasures(state)
    if unlocked:
        for name in sealed:
            holds = SEALED[CaseOpened.name, f"sealed_{name}"]
            told[name] = read_sealed(
                holds.model, await running.reveal(case, holds.purpose, state.sealed[name])
            ).content()
    await _recorded(running, session, case, state, role, with_contact=unlocked and "contact" in sealed)
    return told


async def readings(running: Running, case: str) -> list[dict[str, Any]]:
    """Who read what, the newest first."""
    ledger: Ledger = await running.load("ledger", case)
    return [one.model_dump(mode="json", exclude_none=True) for one in ledger.newest_first]


async def _recorded(
    running: Running, session: Session, case: str, state: Case, role: Role, *, with_contact: bool
) -> None:
    if role == "victim" or is_opener(state, session.sub):
        return
    for record in ("dossier", "contact") if with_contact else ("dossier",):
        await running.carry_out(RecordView(case=case, viewer=session.sub, role=role, record=record))


def _timeline(state: Case) -> list[dict[str, Any]]:
    entries = sorted(state.timeline.items(), key=lambda item: (item[1].day, item[1].at, item[0]), reverse=True)
    return [
        {"day": entry.day.isoformat(), "what": entry.kind, **({"detail": entry.detail} if entry.detail else {})}
        for _, entry in entries
    ]


def _people(state: Case, holder: str) -> list[dict[str, Any]]:
    return [
        {
            "access": access,
            "role": latest.value.role,
            "status": latest.value.status,
            "you": latest.value.holder == holder,
            **({"authority": latest.value.role == "guardian"} if access in state.guardians else {}),
        }
        for access, latest in sorted(state.file.accesses.items())
        if latest.value is not None and access not in state.file.revoked
    ]


def _erasures(state: Case) -> list[dict[str, Any]]:
    return [erasure(state, one) for one in sorted(state.file.erasures)]


def erasure(state: Case, one: str) -> dict[str, Any]:
    """Where an erasure stands: erased, stopped (why, by whom, until when), failed, or under way (who has cleared)."""
    if state.file.erased:
        return {"erasure": one, "status": "erased", "certificate_sha256": state.certificate}
    if objections := state.objections.get(one):
        return {
            "erasure": one,
            "status": "stopped",
            "objections": [
                objection.model_dump(mode="json", exclude_none=True) for _, objection in sorted(objections.items())
            ],
        }
    if failed(one) in state.escalations:
        return {"erasure": one, "status": "failed"}
    waiting = under_way(state) == one and bool(state.standing_holds)
    return {"erasure": one, "status": "held" if waiting else "under-way", "cleared": sorted(state.cleared_by(one))}
