"""The store's documents: to and from them, and their bounds."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from shared.contracts.intake import CaseUpdated, Facets
from shared.errors import BrokenContract
from shared.runtime import documents
from shared.runtime.declaration import Aggregate, Job, State, quiet
from shared.runtime.documents import DeadLetter, Writes
from shared.runtime.folding import Loaded
from tests.shared.runtime.memory import CASE, arrival

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Text(State):
    text: str = ""


DECLARED = Aggregate("case", Text, quiet, lambda state, fact: state)
LOADED = Loaded(f"notify/case/{CASE}", CASE, Text(text="a"), sequence=4, revision=7, wake=NOON, pending=True, held=1)


def test_a_state_comes_back_as_it_was_one_revision_on():
    document = documents.state_document(DECLARED, LOADED, 8)
    assert documents.loaded_of(DECLARED, document) == replace(LOADED, revision=8)
    assert document["partition"] in range(8)


def test_a_state_of_another_fold_comes_back_blank_with_what_stands_beside_it():
    document = documents.state_document(DECLARED, LOADED, 8)
    found = documents.loaded_of(replace(DECLARED, fold=2), document)
    assert (found.state, found.sequence, found.held) == (Text(), 4, 1)


def test_a_state_over_one_megabyte_is_refused_and_one_just_under_is_not():
    empty = len(Text().model_dump_json())
    fits = replace(LOADED, state=Text(text="x" * (documents.MAX_STATE_BYTES - empty)))
    assert documents.state_document(DECLARED, fits, 8)
    with pytest.raises(BrokenContract, match="over the bound"):
        documents.state_document(DECLARED, replace(LOADED, state=Text(text=fits.state.text + "x")), 8)


def test_the_bound_counts_bytes_and_not_letters():
    letters = replace(LOADED, state=Text(text="é" * (documents.MAX_STATE_BYTES // 2 + 1)))
    with pytest.raises(BrokenContract, match="over the bound"):
        documents.state_document(DECLARED, letters, 8)


def test_the_partition_is_that_of_the_default_partitioner():
    # murmur2 of "21" is -973932308 in Kafka's own UtilsTest.
    assert documents.partition_of("21", 2**31) == -973932308 & 0x7FFFFFFF


def test_everything_that_a_transaction_writes_counts():
    one = arrival(CaseUpdated(facets=Facets(persona="victim", authors_at_most=1)))
    empty = Writes().size()
    writes = Writes(
        states=[(DECLARED, LOADED)],
        touched=[("a", 1)],
        holding=[("b", 1)],
        inbox=[("c", one)],
        jobs=[(LOADED, Job(kind="mail", subject="x"))],
        redriven=["d"],
        settled=[("e", 1)],
    )
    assert writes.size() == empty + 7


def test_a_fact_and_a_dead_letter_keep_their_exact_bytes():
    one = arrival(CaseUpdated(facets=Facets(persona="victim", authors_at_most=1)))
    assert documents.fact_of(documents.inbox_document("a", one, one.fact.id)) == one.fact
    letter = DeadLetter(
        "id", "fact", "r", "d", "a", CASE, NOON, "t", 3, 9, b"\xff", (("n", b"\x00"), ("n", b"2")), b"\xfe"
    )
    assert documents.dead_letter_of(documents.dead_letter_document(letter)) == letter
