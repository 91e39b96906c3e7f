from __future__ import annotations

from datetime import timedelta

import pytest

from services.legal.domain.folder import FOLDERS, Folder, decide, evolve, route
from services.legal.domain.holding import DocumentsCleared
from shared.contracts.evidence import ActsExtracted
from shared.contracts.intake import CaseErased
from tests.given import CASE, NOON, followed
from tests.services.legal import affairs

ERASED = followed(CaseErased(erasure="erasure-1", certificate="d" * 64), sequence=9)
READ = ActsExtracted(extraction="r-1", exhibit="exhibit-1", acts=(affairs.act(),), sealed_acts=affairs.sealed("acts"))


def test_what_belongs_to_an_exhibit_lies_in_one_folder():
    facts = [followed(one) for one in (affairs.uploaded(), affairs.stamped(), READ)]
    assert len({tuple(route(fact)) for fact in facts}) == 1
    [place] = route(facts[0])
    assert place.startswith(f"{CASE}.")


def test_an_erased_case_empties_every_folder_and_what_comes_later():
    assert len(tuple(route(ERASED))) == len(FOLDERS)
    state = evolve(Folder(), followed(affairs.uploaded()))
    assert affairs.sealed("details") in state.model_dump_json()
    state = evolve(state, ERASED)
    assert evolve(state, followed(affairs.uploaded("exhibit-2"))) == Folder(erased=True)


def test_other_facts_concern_no_folder():
    fact = followed(affairs.opened())
    assert tuple(route(fact)) == ()
    assert evolve(Folder(), fact) == Folder()


def test_the_earliest_timestamp_counts_in_any_order():
    early = followed(affairs.stamped(gen_time=NOON - timedelta(hours=1)), sequence=1)
    late = followed(affairs.stamped(gen_time=NOON), sequence=2)
    assert evolve(evolve(Folder(), early), late) == evolve(evolve(Folder(), late), early)
    assert evolve(evolve(Folder(), late), early).stamps["exhibit-1"].time == NOON - timedelta(hours=1)


def test_what_was_read_of_an_exhibit_stays_sealed():
    assert evolve(Folder(), followed(READ)).read["r-1"].value == affairs.sealed("acts")


def test_a_folder_takes_no_command():
    with pytest.raises(TypeError, match="DocumentsCleared"):
        decide(Folder(), DocumentsCleared(case=CASE, erasure="erasure-1"), NOON)
