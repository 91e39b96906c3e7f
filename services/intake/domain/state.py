"""What intake keeps of a case: the fold of its own events and of what the others say of it."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import BaseModel, ConfigDict, Field

from shared.casefile import CaseFile
from shared.contracts.intake import Urgency
from shared.runtime.declaration import State
from shared.runtime.latest import Latest

CLEARING = frozenset({"evidence", "legal", "billing", "notify"})
"""Who has to clear before the keys of a case are destroyed."""

LONGEST_TIMELINE = 300


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Deadline(Part):
    kind: str
    last_day: date


class Limits(Part):
    earliest: date | None


class Hold(Part):
    reason: str
    until: date | None


class Diagnosis(Part):
    eligible: bool
    solidity: str
    options: tuple[str, ...]


class Answer(Part):
    answer: str
    day: date


class Complaint(Part):
    """One complaint by what is known of it so far; every half is optional, since facts arrive in any order."""

    drafts: frozenset[int] = frozenset()
    approved: frozenset[int] = frozenset()
    filed: Latest[date] = Latest[date]()
    answers: dict[str, Answer] = Field(default_factory=dict)

    @property
    def open(self) -> bool:
        """It was filed and the answer that ends it has not come; being registered or prosecuted ends nothing."""
        return self.filed.value is not None and not any(
            answer.answer in {"refused", "closed"} for answer in self.answers.values()
        )


class Hearing(Part):
    kind: str
    status: str
    day: date


class Clearance(Part):
    """A service's word that it holds no content any more; ``kept`` counts what it must keep, by kind."""

    source: str
    at: datetime
    kept: dict[str, int]


class Objection(Part):
    source: str
    reason: str
    until: date | None


class Entry(Part):
    """A line of the timeline. ``day`` in Europe/Paris; ``detail`` is a coarse kind, never content."""

    at: datetime
    day: date
    kind: str
    detail: str = ""


class Case(State):
    """The case as intake knows it.

    ``opener``: the access of who opened it. ``guardians``: accesses of those who say they hold parental authority; the
    role is theirs only once it was checked. ``sealed``: contact, account, facts, authors as last written;
    ``account_at`` the sequence at which ``account`` was, so that two writers do not undo each other.
    """

    file: CaseFile = CaseFile()
    opener: str = ""
    danger: bool = False
    guardians: frozenset[str] = frozenset()
    sealed: dict[str, str] = Field(default_factory=dict)
    account_at: int = 0
    escalations: frozenset[str] = frozenset()
    deadlines: dict[str, Latest[Deadline]] = Field(default_factory=dict)
    limits: Latest[Limits] = Latest[Limits]()
    holds: dict[str, Latest[Hold]] = Field(default_factory=dict)
    lifted: frozenset[str] = frozenset()
    diagnosis: Latest[Diagnosis] = Latest[Diagnosis]()
    complaints: dict[str, Complaint] = Field(default_factory=dict)
    hearings: dict[str, Latest[Hearing]] = Field(default_factory=dict)
    judged: frozenset[str] = frozenset()
    clearances: dict[str, dict[str, Latest[Clearance]]] = Field(default_factory=dict)
    objections: dict[str, dict[str, Objection]] = Field(default_factory=dict)
    timeline: dict[str, Entry] = Field(default_factory=dict)
    certificate: str = ""

    @property
    def urgency(self) -> Urgency:
        facets = self.file.facets.value
        return facets.urgency if facets else "normal"

    @property
    def taken_over(self) -> bool:
        """The victim, or a guardian whose authority was checked, has accepted: only then may anything be filed."""
        return any(
            latest.value is not None
            and latest.value.role in {"victim", "guardian"}
            and latest.value.status == "accepted"
            and access not in self.file.revoked
            for access, latest in self.file.accesses.items()
        )

    @property
    def standing_holds(self) -> tuple[Hold, ...]:
        """The holds that legal has placed and not lifted."""
        return tuple(
            latest.value
            for hold, latest in sorted(self.holds.items())
            if latest.value is not None and hold not in self.lifted
        )

    @property
    def complaint_open(self) -> bool:
        """A complaint was filed and neither an ending answer nor a judgment is known."""
        return not self.judged and any(complaint.open for complaint in self.complaints.values())

    def cleared_by(self, erasure: str) -> frozenset[str]:
        """The services that have cleared for that erasure."""
        known = self.clearances.get(erasure, {})
        return frozenset(latest.value.source for latest in known.values() if latest.value is not None)

    def access_of(self, holder: str) -> str | None:
        """The live access of that holder, whatever its status."""
        return next(
            (
                access
                for access, latest in sorted(self.file.accesses.items())
                if latest.value is not None and latest.value.holder == holder and access not in self.file.revoked
            ),
            None,
        )


def forgotten(state: Case) -> Case:
    """What stays of an erased case: who may see nothing, who cleared, and the certificate's digest."""
    return Case(
        file=state.file,
        clearances=state.clearances,
        objections=state.objections,
        certificate=state.certificate,
        escalations=state.escalations,
    )
