"""Who reads a case's procedure, and the line that each reading leaves in the person's ledger."""

from __future__ import annotations

from typing import Final

from services.legal.domain.holding import RecordView
from services.legal.domain.state import Case
from shared.contracts.intake import Role
from shared.runtime.running import Running
from shared.trust.sessions import Session

READERS: Final[frozenset[Role]] = frozenset({"victim", "guardian", "case-worker", "lawyer"})


async def viewed(
    running: Running, case: str, session: Session, state: Case, record: str, record_id: str | None = None
) -> None:
    """One line of the person's ledger, for whoever is not the victim."""
    role = state.file.role_of(session.sub)
    if role is not None and role != "victim":
        await running.carry_out(
            RecordView(case=case, viewer=session.sub, role=role, record=record, record_id=record_id)
        )
