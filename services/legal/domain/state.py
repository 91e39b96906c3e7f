"""What legal knows of one case: facts alone, each under its own id. What follows from them is computed, never kept.

Everything sealed stands in ``sealed``, so that an erasure drops it in one place.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.legal.domain.act import Act, as_reported
from shared.casefile import CaseFile
from shared.clock import paris_day
from shared.contracts.evidence import Qualification
from shared.contracts.intake import ReportedAct
from shared.contracts.legal import Candidate, DataClass, Feasibility, Limit, Procedure
from shared.runtime.declaration import State
from shared.runtime.latest import Latest

MOST_ACTS = 200
"""Acts of which a limit is computed; a case with more has its extracted acts cut, the latest first."""

ENDING = frozenset({"refused", "closed"})


class Known(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Extraction(Known):
    exhibit: str
    acts: tuple[ReportedAct, ...]


class Diagnosis(Known):
    """The last diagnosis approved. ``on``: the Paris day."""

    id: str
    eligible: bool
    reasons: tuple[str, ...]
    offences: tuple[Candidate, ...]
    limits: tuple[Limit, ...]
    feasibility: tuple[Feasibility, ...]
    solidity: Literal["A", "B", "C", "D"]
    options: tuple[str, ...]
    approved_by: str
    on: date


class Draft(Known):
    number: int
    procedure: Procedure
    commitment: str
    exhibits: tuple[str, ...]
    on: date


class Approval(Known):
    draft: int
    procedure: Procedure
    commitment: str
    by: str
    on: date
    deadline: date | None


class Filing(Known):
    draft: int
    procedure: Procedure
    mode: str
    day: date


class Answer(Known):
    answer: Literal["registered", "refused", "closed", "prosecuted"]
    day: date


class Complaint(Known):
    """One complaint: its latest draft, the approval and the filing where there are any, the answers by their ids."""

    draft: Draft | None = None
    approved: Approval | None = None
    filed: Filing | None = None
    answers: dict[str, Answer] = Field(default_factory=dict)

    def said(self, *answers: str) -> date | None:
        """The first day on which one of these answers was given."""
        return min((one.day for one in self.answers.values() if one.answer in answers), default=None)

    @property
    def open(self) -> bool:
        """It was filed and no answer ended it; being registered or prosecuted ends nothing."""
        return self.filed is not None and self.said(*ENDING) is None


class Hearing(Known):
    kind: Literal["trial", "guilt", "sanction", "civil-interests", "appeal", "civil", "investigation"]
    status: Literal["scheduled", "moved", "cancelled", "held"]
    day: date
    revision: int
    notice: Literal["lawful", "too-soon", "not-applicable"]
    rules: tuple[str, ...]

    @property
    def to_come(self) -> bool:
        return self.status in {"scheduled", "moved"}


class Judgment(Known):
    hearing: str
    outcome: str
    day: date
    cents: int


class Removal(Known):
    step: str
    day: date
    answers: dict[str, tuple[str, date]] = Field(default_factory=dict)


class Preservation(Known):
    data: DataClass
    day: date
    expires: date
    answers: dict[str, tuple[str, date]] = Field(default_factory=dict)


class Identification(Known):
    author: str
    authority: str
    data: DataClass
    day: date


class Case(State):
    """``latest``: the instant of the newest fact. ``computed``: the limits as last published, None before.

    ``gone``: exhibits taken back or refused, whose acts no longer count; ``quarantined`` ones may not be listed.
    ``stamps``: the qualification of each timestamp known, by exhibit. ``identified``: the day by identification.
    ``settled_erasures``: those that legal answered, by clearing or by objecting.
    """

    case: str = ""
    latest: AwareDatetime | None = None
    file: CaseFile = CaseFile()
    sealed: dict[str, Latest[str]] = Field(default_factory=dict)

    exhibits: frozenset[str] = frozenset()
    gone: frozenset[str] = frozenset()
    quarantined: frozenset[str] = frozenset()
    stamps: dict[str, frozenset[Qualification]] = Field(default_factory=dict)
    extractions: dict[str, Latest[Extraction]] = Field(default_factory=dict)

    computed: tuple[Limit, ...] | None = None
    threatened: frozenset[str] = frozenset()
    diagnosis: Diagnosis | None = None
    complaints: dict[str, Complaint] = Field(default_factory=dict)
    hearings: dict[str, Hearing] = Field(default_factory=dict)
    judgments: dict[str, Judgment] = Field(default_factory=dict)
    removals: dict[str, Removal] = Field(default_factory=dict)
    preservations: dict[str, Preservation] = Field(default_factory=dict)
    identifications: dict[str, Identification] = Field(default_factory=dict)
    identified: dict[str, date] = Field(default_factory=dict)
    holds: frozenset[str] = frozenset()
    lifted: frozenset[str] = frozenset()
    settled_erasures: frozenset[str] = frozenset()
    objected: frozenset[str] = frozenset()

    @property
    def day(self) -> date | None:
        """The Paris day of the newest fact."""
        return None if self.latest is None else paris_day(self.latest)

    @property
    def live(self) -> bool:
        """The case is open: it may still be acted upon."""
        return self.file.opened and not self.file.closed and not self.file.erased

    @property
    def forgetting(self) -> bool:
        """An erasure was asked for and no service objected to it."""
        return bool(self.file.erasures.keys() - self.objected)

    @property
    def usable_exhibits(self) -> frozenset[str]:
        return self.exhibits - self.gone - self.quarantined

    @property
    def complaint_open(self) -> bool:
        """A complaint was filed and neither an ending answer nor a judgment is known."""
        return not self.judgments and any(one.open for one in self.complaints.values())

    def secret(self, name: str) -> str | None:
        """The sealed value of that name."""
        return self.sealed.get(name, Latest[str]()).value


def reported(state: Case) -> tuple[ReportedAct, ...]:
    """The acts as told by the person, then those read from exhibits, each id once, at most ``MOST_ACTS``."""
    told = {act.act: act for act in state.file.facets.value.acts} if state.file.facets.value else {}
    read = {act.act: act for act in _extracted(state) if act.act not in told}
    newest = sorted(read.values(), key=lambda act: (act.day, act.act), reverse=True)
    return (*told.values(), *newest)[:MOST_ACTS]


def acts(state: Case, today: date) -> tuple[Act, ...]:
    """The acts as the engines take them. One dated after ``today`` was misread: it has no limit yet."""
    minor = state.file.facets.value.minor if state.file.facets.value else None
    return tuple(as_reported(act, minor=minor) for act in reported(state) if act.day <= today)


def _extracted(state: Case) -> Iterator[ReportedAct]:
    for _, latest in sorted(state.extractions.items(), reverse=True):
        if latest.value is not None and latest.value.exhibit not in state.gone:
            yield from latest.value.acts


def newest(state: Case, instant: datetime) -> datetime:
    """The later of the state's newest fact and ``instant``."""
    return instant if state.latest is None else max(state.latest, instant)
