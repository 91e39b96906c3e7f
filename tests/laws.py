"""The four laws of design, as one suite that every aggregate of every service inherits.

A test module subclasses ``AggregateLaws`` and gives ``service``, ``aggregate`` and ``histories``: a strategy of lists
whose items are ``Foreign`` facts (what other services may have published, in their true order) and commands. Commands
may be refused; that is part of the history. ``outcome`` projects the final state to what must be equal whatever the
order of arrival: by default everything but what names a sequence.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.contracts.event import Event
from shared.errors import RecoursError
from shared.runtime.declaration import Command, Recorded, Service
from shared.runtime.folding import Loaded, absorb, blank, carry_out, settle
from tests.given import CASE, NOON, followed

AGE_MARK = "YWdlLWVuY3J5cHRpb24"  # base64 of the first bytes of every age file: what an erased state may not hold
THOROUGH = settings(max_examples=60, suppress_health_check=list(HealthCheck))


@dataclass(frozen=True)
class Foreign:
    """A fact that another service publishes; ``stream`` tells its source aggregates apart (e.g. an exhibit id)."""

    event: Event
    source: str | None = None
    stream: str = CASE


def recorded(history: list[Any]) -> list[Recorded | Command]:
    """The history with each foreign fact numbered within its source aggregate."""
    sequences: dict[str, int] = {}
    numbered: list[Recorded | Command] = []
    for item in history:
        if isinstance(item, Foreign):
            source = item.source or item.event.owner or "intake"
            aggregate = f"{source}/case/{item.stream}"
            sequences[aggregate] = sequences.get(aggregate, 0) + 1
            numbered.append(followed(item.event, sequence=sequences[aggregate], source=source, aggregate=aggregate))
        else:
            numbered.append(item)
    return numbered


class AggregateLaws:
    service: ClassVar[Service]
    aggregate: ClassVar[str]
    key: ClassVar[str] = CASE
    histories: ClassVar[st.SearchStrategy[list[Any]]]
    parent: ClassVar[Any] = None
    horizon: ClassVar[timedelta] = timedelta(days=800)
    """How far ahead wakes are followed for the final outcome."""

    def outcome(self, state: Any) -> Any:
        """What must be equal for every order of arrival; override to leave out what only names an order."""
        return state

    @property
    def declared(self):
        return self.service.aggregate(self.aggregate)

    def blank(self) -> Loaded:
        return blank(self.declared, self.declared.id(self.service.name, self.key), CASE)

    def settle(self, loaded: Loaded, now: datetime):
        return settle(self.declared, self.service.name, loaded, now, cause="law", correlation="law")

    def play(self, items: list[Recorded | Command], cuts: list[int] | None = None) -> tuple[Loaded, list[Recorded]]:
        """Facts in batches as ``cuts`` says (one by one by default), commands as they come, all at one instant."""
        loaded, own = self.blank(), []
        batch: list[Recorded] = []
        ends = set(range(len(items)) if cuts is None else [*cuts, len(items) - 1])

        def flush():
            nonlocal loaded, batch
            if batch:
                outcome = self.settle(absorb(self.declared, loaded, batch), NOON)
                loaded, batch = outcome.loaded, []
                own.extend(outcome.events)

        for position, item in enumerate(items):
            if isinstance(item, Recorded):
                batch.append(item)
                if position in ends:
                    flush()
                continue
            flush()
            try:
                outcome = carry_out(
                    self.declared,
                    self.service.name,
                    loaded,
                    item,
                    NOON,
                    parent=self.parent,
                    cause="law",
                    correlation="law",
                )
            except RecoursError:
                continue
            loaded = outcome.loaded
            own.extend(outcome.events)
        flush()
        return loaded, own

    def wake_until_asleep(self, loaded: Loaded) -> Loaded:
        for _ in range(200):
            if loaded.wake is None or loaded.wake > NOON + self.horizon:
                return loaded
            loaded = self.settle(loaded, loaded.wake).loaded
        raise AssertionError("the aggregate keeps waking itself")

    @THOROUGH
    @given(data=st.data())
    def test_law_1_any_order_of_facts_gives_the_same_state(self, data):
        items = recorded(data.draw(self.histories))
        loaded, own = self.play(items)
        foreign = [item for item in items if isinstance(item, Recorded)]
        doubled = foreign + data.draw(st.lists(st.sampled_from(foreign), max_size=5)) if foreign else []
        shuffled: list[Recorded] = data.draw(st.permutations(doubled))
        state = self.declared.state()
        remaining = list(own)
        for fact in shuffled:
            while remaining and data.draw(st.booleans()):
                state = self.declared.evolve(state, remaining.pop(0))
            state = self.declared.evolve(state, fact)
        for event in remaining:
            state = self.declared.evolve(state, event)
        assert state == loaded.state

    @THOROUGH
    @given(data=st.data())
    def test_law_2_it_becomes_quiet_and_stays_so(self, data):
        loaded, _ = self.play(recorded(data.draw(self.histories)))
        again = self.settle(loaded, NOON)
        assert not again.events
        assert again.loaded.wake is None or again.loaded.wake > NOON

    def test_law_3_nothing_known_means_nothing_said(self):
        outcome = self.settle(self.blank(), NOON)
        assert not outcome.events
        assert not outcome.jobs
        assert outcome.loaded.wake is None

    @THOROUGH
    @given(data=st.data())
    def test_law_4_any_arrival_has_the_same_end(self, data):
        """Foreign facts arrive in any order and batches before the commands, which keep theirs."""
        items = recorded(data.draw(self.histories))
        facts = [item for item in items if isinstance(item, Recorded)]
        commands = [item for item in items if not isinstance(item, Recorded)]
        reference, _ = self.play([*facts, *commands])
        shuffled = data.draw(st.permutations(facts))
        cuts = data.draw(st.lists(st.integers(0, max(0, len(facts) - 1)), max_size=4))
        other, _ = self.play([*shuffled, *commands], cuts)
        assert self.outcome(self.wake_until_asleep(other).state) == self.outcome(
            self.wake_until_asleep(reference).state
        )

    @THOROUGH
    @given(data=st.data())
    def test_an_erased_state_holds_nothing_sealed(self, data):
        from shared.contracts.intake import CaseErased

        items = recorded(data.draw(self.histories))
        loaded, _ = self.play(items)
        erased = any(isinstance(item, Recorded) and isinstance(item.event, CaseErased) for item in items)
        if erased:
            assert AGE_MARK not in loaded.state.model_dump_json()

    @THOROUGH
    @given(data=st.data())
    def test_a_state_survives_the_store(self, data):
        loaded, _ = self.play(recorded(data.draw(self.histories)))
        assert self.declared.state.model_validate(loaded.state.model_dump(mode="json")) == loaded.state
