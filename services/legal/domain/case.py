"""The aggregate ``case``: the procedures put together. Each is read in its own file, in this order: ``opening``,
``diagnosis``, ``complaint``, ``hearings``, ``judgment``, ``requests``, ``holding``; ``state`` and ``facts`` under them.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from services.legal.domain import complaint, diagnosis, hearings, holding, judgment, opening, requests
from services.legal.domain.facts import FOLLOWED, evolve
from services.legal.domain.state import Case
from shared.contracts.event import Event
from shared.runtime.declaration import Command, Decision, Job

__all__ = ["FOLLOWED", "Case", "decide", "evolve", "react", "references", "wake"]


def decide(state: Case, command: Command, now: datetime) -> Decision:
    """What a command makes happen. Raises Refused and NotFound. What was done already is not done again."""
    match command:
        case diagnosis.ApproveDiagnosis():
            return tuple(diagnosis.approve(state, command, now))
        case complaint.DraftComplaint():
            return tuple(complaint.draft(state, command, now))
        case complaint.RecordDraft():
            return tuple(complaint.record(state, command))
        case complaint.ApproveComplaint():
            return tuple(complaint.approve(state, command, now))
        case complaint.FileComplaint():
            return tuple(complaint.file(state, command, now))
        case complaint.AnswerComplaint():
            return tuple(complaint.answered(state, command, now))
        case complaint.AbandonDraft() | complaint.ReceiptKept():
            return ()
        case _:
            return _of_court(state, command, now)


def _of_court(state: Case, command: Command, now: datetime) -> Decision:
    match command:
        case hearings.ScheduleHearing():
            return tuple(hearings.schedule(state, command, now))
        case hearings.MoveHearing():
            return tuple(hearings.move(state, command, now))
        case hearings.EndHearing():
            return tuple(hearings.end(state, command, now))
        case hearings.TakeCourtNotice():
            return tuple(hearings.taken(state, command, now))
        case judgment.GiveJudgment():
            return tuple(judgment.give(state, command, now))
        case _:
            return _of_requests(state, command, now)


def _of_requests(state: Case, command: Command, now: datetime) -> Decision:
    match command:
        case requests.RequestRemoval():
            return tuple(requests.request_removal(state, command, now))
        case requests.AnswerRemoval():
            return tuple(requests.answer_removal(state, command, now))
        case requests.RequestPreservation():
            return tuple(requests.request_preservation(state, command, now))
        case requests.AnswerPreservation():
            return tuple(requests.answer_preservation(state, command))
        case requests.RequestIdentification():
            return tuple(requests.request_identification(state, command, now))
        case requests.IdentifyAuthor():
            return tuple(requests.identify(state, command, now))
        case holding.DocumentsCleared():
            return tuple(holding.cleared(state, command))
        case holding.ClearingFailed():
            return tuple(holding.not_cleared(state, command))
        case holding.RecordView():
            return tuple(holding.viewed(state, command))
        case _:
            raise TypeError(f"A case of legal does not know the command {type(command).__name__}.")


def react(state: Case, now: datetime) -> Iterable[Event | Job]:
    """Limits and deadlines, holds, and the answer to an erasure."""
    yield from opening.react(state, now)
    yield from holding.react(state)


def wake(state: Case) -> datetime | None:
    """When the next deadline alerts."""
    return opening.wake(state)


def references(state: Case) -> Iterable[str]:
    """How authorities and platforms name the case: by the complaint that was filed, by the preservation request."""
    filed = (name for name, one in sorted(state.complaints.items()) if one.filed is not None)
    return tuple(f"partner:{name}" for name in (*filed, *sorted(state.preservations)))
