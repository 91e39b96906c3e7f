"""What a member learns of its partitions while they are dealt out again is forgotten: found by the matrix.

Kept, it stood against a position that the new deal had set elsewhere: the partition never counted as read, and
reactions and wakes of its cases stopped until each of its topics had a new record.
"""

from __future__ import annotations

import asyncio

import pytest

from shared.errors import Unavailable
from shared.runtime.consumer import _Listener
from tests.shared.runtime.memory import Memory
from tests.shared.runtime.test_consumer import HERE, MARKED, following


async def test_what_is_learnt_between_revoking_and_assigning_is_forgotten():
    async def marks():
        return {MARKED: 4}

    consumer, client = following(Memory(), marks=marks)
    client.group = {HERE: 9}
    await _Listener(consumer).on_partitions_revoked([HERE])
    await consumer._learn(client, [HERE])
    await _Listener(consumer).on_partitions_assigned([HERE])
    assert not consumer.progress.known(HERE)


async def test_what_was_asked_before_a_new_deal_and_answered_after_it_is_not_learnt():
    answered = asyncio.Event()

    async def marks():
        await answered.wait()
        return {MARKED: 4}

    consumer, client = following(Memory(), marks=marks)
    client.group = {HERE: 9}
    learning = asyncio.create_task(consumer._learn(client, [HERE]))
    await asyncio.sleep(0)
    await _Listener(consumer).on_partitions_assigned([HERE])
    answered.set()
    with pytest.raises(Unavailable):
        await learning
    assert not consumer.progress.known(HERE)
    assert client.sought == []
