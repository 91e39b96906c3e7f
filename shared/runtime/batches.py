"""A batch as groups, one an aggregate, and its halves: how it gets smaller when a transaction does not go through."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from shared.runtime.declaration import Aggregate, Recorded
from shared.runtime.documents import DeadLetter
from shared.runtime.folding import Loaded, Outcome, settle
from shared.runtime.letters import letter_of, where
from shared.runtime.messages import Arrival


@dataclass(slots=True)
class Group:
    """The arrivals of one aggregate in a batch; ``live`` is false while its partition is catching up."""

    declared: Aggregate
    case: str
    arrivals: list[Arrival] = field(default_factory=list)
    live: bool = True
    redriven: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Plan:
    """What one aggregate adds to a transaction. ``cause``: the last fact folded."""

    outcome: Outcome
    before: Loaded
    inbox: list[tuple[str, Arrival]] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    redriven: list[str] = field(default_factory=list)

    @property
    def cause(self) -> Recorded | None:
        return self.inbox[-1][1].fact if self.inbox else None

    def settle(
        self, declared: Aggregate, service: str, loaded: Loaded, moment: datetime, *, cause: str, correlation: str
    ) -> None:
        """Let it react; a reaction that fails is a dead letter, which holds the aggregate."""
        try:
            self.outcome = settle(declared, service, loaded, moment, cause=cause, correlation=correlation)
        except Exception as error:
            self.dead_letters.append(letter_of(loaded, "react", where(error), moment))
            self.outcome = Outcome(replace(loaded, held=loaded.held + 1, pending=True))

    def changes(self) -> bool:
        """Whether there is anything to write."""
        written = self.inbox or self.dead_letters or self.redriven or self.outcome.events or self.outcome.jobs
        return bool(written) or self.outcome.loaded != self.before


def by_aggregate(groups: Mapping[str, Group]) -> list[dict[str, Group]]:
    """The batch in two halves by aggregate; itself when it has only one."""
    ids = sorted(groups)
    if len(ids) == 1:
        return [dict(groups)]
    middle = len(ids) // 2
    return [{one: groups[one] for one in half} for half in (ids[:middle], ids[middle:])]


def halves(groups: Mapping[str, Group]) -> list[dict[str, Group]]:
    """The batch in two halves, by aggregate or by the facts of its only one; itself when it is a single fact."""
    [(one, group), *others] = sorted(groups.items())
    if others or len(group.arrivals) < 2:
        return by_aggregate(groups)
    middle = len(group.arrivals) // 2
    first, second = group.arrivals[:middle], group.arrivals[middle:]
    return [{one: replace(group, arrivals=first)}, {one: replace(group, arrivals=second, redriven=[])}]
