"""The store's module without a store: what its answers mean, and what guards its writes."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from pymongo import ReplaceOne
from pymongo.errors import (
    AutoReconnect,
    OperationFailure,
)

from shared import clock
from shared.runtime.store import Store
from shared.runtime.transactions import Conflict, StoreDown
from tests.shared.runtime.test_transactions import TRANSIENT, Session, client


def over(session: Session) -> Store:
    store = Store.__new__(Store)
    store._client = client(session)
    return store


async def test_a_job_put_back_while_it_is_asked_for_again_is_put_back_all_the_same():
    conflict = OperationFailure("write conflict", 112, TRANSIENT)
    session, updates = Session(conflict, conflict, None), []

    class Collection:
        async def update_one(self, query, change, **_):
            updates.append(query)

    store = over(session)
    store._database = {"jobs": Collection()}
    await store.reschedule("j", 3, not_before=clock.now(), failures=1)
    assert updates == [{"_id": "j", "attempt": 3}] * 3
    assert session.answers == []


@pytest.mark.parametrize(("matched", "inserted", "fits"), [(1, 0, True), (0, 0, False)])
async def test_a_replacement_that_matched_nothing_is_a_conflict(matched, inserted, fits):
    class Collection:
        async def bulk_write(self, requests, **_):
            return SimpleNamespace(matched_count=matched, inserted_count=inserted, deleted_count=0, upserted_count=0)

    store = Store.__new__(Store)
    store._database = {"outside": Collection(), "states": Collection()}
    for collection in ("outside", "states"):
        replacing = store._bulk(collection, [ReplaceOne({"_id": "a", "revision": 1}, {})], None)
        if fits:
            await replacing
        else:
            with pytest.raises(Conflict):
                await replacing


@pytest.mark.parametrize("error", [OperationFailure("panicked", 8), AutoReconnect("gone")])
async def test_a_read_that_fails_is_asked_again_later_whatever_the_store_says(error):
    class Collection:
        async def find_one(self, _query):
            raise error

    store = Store.__new__(Store)
    store._database = {"states": Collection()}
    with pytest.raises(StoreDown):
        await store.find("states", "x")
