"""Epochs: what one writer stored between two checkpoints."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from shared.contracts.intake import CaseUpdated, Facets
from shared.runtime.checkpoints import GENESIS, Epochs, digest_of, fingerprint
from tests.shared.runtime.memory import arrival


def publication(sequence: int):
    one = arrival(CaseUpdated(facets=Facets(persona="victim", authors_at_most=1)), sequence)
    return SimpleNamespace(recorded=one.fact, message=one)


async def test_a_checkpoint_counts_what_was_stored_and_nothing_else():
    epochs, first, second = Epochs("w"), publication(1), publication(2)
    async with epochs.entered() as entry:
        assert entry.epoch == "w/1"
        entry.stored([first, second])
    with pytest.raises(ValueError, match="refused"):
        async with epochs.entered():
            raise ValueError("refused")
    checkpoint = await epochs.close()
    marks = [(one.recorded.id, fingerprint(one.message.headers, one.message.body)) for one in (second, first)]
    assert (checkpoint.number, checkpoint.count, checkpoint.digest) == (1, 2, digest_of(marks))
    assert (checkpoint.previous, checkpoint.final) == (GENESIS, False)
    assert epochs.number == 2


async def test_an_epoch_ends_once_all_who_entered_it_have_left():
    epochs = Epochs("w")
    async with epochs.entered() as entry:
        closing = asyncio.create_task(epochs.close())
        await asyncio.sleep(0)
        async with epochs.entered() as late:
            assert late.epoch == "w/2"
        assert not closing.done()
        entry.stored([publication(1)])
    async with asyncio.timeout(1):
        assert (await closing).count == 1


async def test_a_close_that_was_cancelled_is_made_good_by_the_next():
    epochs = Epochs("w")
    async with epochs.entered() as entry:
        closing = asyncio.create_task(epochs.close())
        await asyncio.sleep(0)
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing
        entry.stored([publication(1)])
    resumed = await epochs.close(final=True)
    assert (resumed.number, resumed.count, resumed.final) == (1, 1, False)
    last = await epochs.close(final=True)
    assert (last.number, last.count, last.final) == (2, 0, True)


async def test_an_empty_epoch_has_no_checkpoint_but_the_final_one():
    epochs = Epochs("w")
    assert await epochs.close() is None
    assert (await epochs.close(final=True)).final


async def test_a_doubtful_epoch_is_passed_over_and_the_chain_goes_on():
    epochs = Epochs("w")
    async with epochs.entered() as entry:
        entry.doubt()
    assert await epochs.close() is None
    async with epochs.entered() as entry:
        entry.stored([publication(1)])
    assert (await epochs.close()).number == 2
    message = publication(9).message
    epochs.chained(message)
    assert (await epochs.close(final=True)).previous == fingerprint(message.headers, message.body)
