"""The sealed details of exhibits and of the acts read from them, for the complaint that quotes them.

They lie apart from the case, in sixteen folders by exhibit, because a thousand exhibits with what was said of each are
more than one state may hold. A folder decides nothing; an erased case empties all of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import date, datetime
from typing import Never

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from shared.contracts.evidence import ActsExtracted, EvidenceTimestamped, EvidenceUploaded, Qualification
from shared.contracts.intake import CaseErased
from shared.runtime.declaration import Command, Recorded, State
from shared.runtime.latest import Latest

FOLDERS = tuple("0123456789abcdef")


class Exhibit(BaseModel):
    """``sealed`` (purpose evidence): file name, salt, digest and what was declared."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    media_type: str
    day: date | None
    sealed: str


class Stamp(BaseModel):
    """A timestamp: the earliest of those known counts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    time: AwareDatetime
    authority: str
    qualification: Qualification

    def order(self) -> tuple[datetime, str, str]:
        return self.time, self.authority, self.qualification


class Folder(State):
    """``read``: the sealed acts (purpose evidence) of each extraction."""

    exhibits: dict[str, Latest[Exhibit]] = Field(default_factory=dict)
    stamps: dict[str, Stamp] = Field(default_factory=dict)
    read: dict[str, Latest[str]] = Field(default_factory=dict)
    erased: bool = False


def route(fact: Recorded) -> Iterable[str]:
    """The folder of the fact's exhibit; an erased case concerns them all."""
    match fact.event:
        case EvidenceUploaded(exhibit=exhibit) | EvidenceTimestamped(exhibit=exhibit) | ActsExtracted(exhibit=exhibit):
            return (f"{fact.case}.{hashlib.sha256(exhibit.encode()).hexdigest()[0]}",)
        case CaseErased():
            return tuple(f"{fact.case}.{one}" for one in FOLDERS)
        case _:
            return ()


def evolve(state: Folder, fact: Recorded) -> Folder:
    match fact.event:
        case CaseErased():
            return Folder(erased=True)
        case _ if state.erased:
            return state
        case EvidenceUploaded() as event:
            exhibit = Exhibit(
                kind=event.kind, media_type=event.media_type, day=event.declared_day, sealed=event.sealed_details
            )
            offered = state.exhibits.get(event.exhibit, Latest[Exhibit]()).offer(fact.sequence, exhibit)
            return state.model_copy(update={"exhibits": {**state.exhibits, event.exhibit: offered}})
        case EvidenceTimestamped() as event:
            stamp = Stamp(time=event.gen_time, authority=event.authority, qualification=event.qualification)
            first = min(state.stamps.get(event.exhibit, stamp), stamp, key=Stamp.order)
            return state.model_copy(update={"stamps": {**state.stamps, event.exhibit: first}})
        case ActsExtracted() as event:
            acts = state.read.get(event.extraction, Latest[str]()).offer(fact.sequence, event.sealed_acts)
            return state.model_copy(update={"read": {**state.read, event.extraction: acts}})
        case _:
            return state


def decide(_state: Folder, command: Command, _now: datetime) -> Never:
    raise TypeError(f"A folder takes no command, and {type(command).__name__} is one.")
