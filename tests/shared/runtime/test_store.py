"""The store's module without a store: what its answers mean, and what guards its writes."""

from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace

import pytest
from pymongo import DeleteOne, InsertOne, ReplaceOne, UpdateOne
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    DuplicateKeyError,
    NetworkTimeout,
    OperationFailure,
    ServerSelectionTimeoutError,
)

from shared import clock
from shared.runtime import store as stores
from shared.runtime.declaration import Job
from shared.runtime.documents import Writes
from shared.runtime.folding import Loaded
from shared.runtime.store import CommitUnknown, Conflict, Store, StoreDown, StoreRefusal, _outside_operation

TRANSIENT, UNKNOWN = {"errorLabels": ["TransientTransactionError"]}, {"errorLabels": ["UnknownTransactionCommitResult"]}


def labelled(error, *labels: str):
    for one in labels:
        error._add_error_label(one)
    return error


class Session:
    """A driver's session whose commit answers what it is told to; it notes in which order things end."""

    def __init__(self, *answers) -> None:
        self.answers = list(answers)
        self.ended = False
        self.aborted = False

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        self.ended = True

    def start_transaction(self, **_):
        session = self

        class Transaction:
            async def __aenter__(self):
                return self

            async def __aexit__(self, kind, *_):
                session.aborted = kind is not None

        return Transaction()

    async def commit_transaction(self):
        answer = self.answers.pop(0) if self.answers else None
        if answer is not None:
            raise answer


def over(session: Session) -> Store:
    store = Store.__new__(Store)

    async def start_session():
        return session

    store._client = SimpleNamespace(start_session=start_session)
    return store


def raising(error: Exception):
    async def act(_session) -> None:
        raise error

    return act


async def nothing(_session) -> None:
    return


DUPLICATES = {"writeErrors": [{"code": 11000}, {"code": 11000}]}


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (DuplicateKeyError("d", 11000), Conflict),
        (BulkWriteError(DUPLICATES), Conflict),
        (BulkWriteError({"writeErrors": [{"code": 17419}]}), StoreRefusal),
        (OperationFailure("write conflict", 112, TRANSIENT), Conflict),
        (OperationFailure("not allowed", 13), StoreRefusal),
        (labelled(AutoReconnect("gone"), "TransientTransactionError"), StoreDown),
        (NetworkTimeout("slow"), StoreDown),
        (ServerSelectionTimeoutError("none"), StoreDown),
        (OperationFailure("too slow", 50), StoreDown),
        (OverflowError("9 bytes"), StoreRefusal),
    ],
)
async def test_what_an_error_before_the_commit_means(error, meaning):
    session = Session()
    with pytest.raises(meaning) as caught:
        await over(session)._transaction(raising(error))
    assert type(caught.value) is meaning
    assert session.aborted


async def test_a_commit_of_unknown_outcome_is_repeated_until_it_is_known():
    session = Session(labelled(AutoReconnect("gone"), "UnknownTransactionCommitResult"), None)
    await over(session)._transaction(nothing)
    assert session.answers == []


@pytest.mark.parametrize("patience", [0.0, 30.0])
async def test_a_commit_that_stays_unknown_is_said_to_be_unknown(monkeypatch, patience):
    monkeypatch.setattr(stores, "COMMIT_PATIENCE", patience)
    last = AutoReconnect("gone") if patience == 0.0 else ServerSelectionTimeoutError("none")
    session = Session(labelled(last, "UnknownTransactionCommitResult"), None)
    with pytest.raises(CommitUnknown):
        await over(session)._transaction(nothing)


async def test_a_transaction_lost_before_its_commit_is_a_conflict():
    with pytest.raises(Conflict):
        await over(Session(OperationFailure("no such transaction", 251, TRANSIENT)))._transaction(nothing)


async def test_a_cancelled_caller_never_ends_the_transaction_under_a_thread_that_still_writes():
    session, writing, go = Session(), threading.Event(), threading.Event()
    seen: list[bool] = []

    def bulk_write() -> None:
        writing.set()
        go.wait(5)
        seen.append(session.aborted or session.ended)

    async def act(_session) -> None:
        await asyncio.to_thread(bulk_write)

    task = asyncio.create_task(over(session)._transaction(act))
    await asyncio.to_thread(writing.wait, 5)
    task.cancel()
    await asyncio.sleep(0.02)
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert seen == [False]
    assert session.ended
    assert not session.aborted


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


def test_a_partners_message_is_inserted_once_and_replaced_only_as_it_was_read():
    new = _outside_operation({"_id": "p/m", "status": "new"})
    assert isinstance(new, InsertOne)
    assert new._doc["revision"] == 1
    again = _outside_operation({"_id": "p/m", "status": "accepted", "revision": 1})
    assert isinstance(again, ReplaceOne)
    assert (again._filter, again._upsert) == ({"_id": "p/m", "revision": 1}, None)
    assert again._doc["revision"] == 2


@pytest.mark.parametrize(("matched", "inserted", "fits"), [(1, 0, True), (0, 0, False)])
async def test_a_replacement_that_matched_nothing_is_a_conflict(matched, inserted, fits):
    class Collection:
        async def bulk_write(self, requests, **_):
            return SimpleNamespace(matched_count=matched, inserted_count=inserted, deleted_count=0)

    store = Store.__new__(Store)
    store._database = {"outside": Collection(), "states": Collection()}
    for collection in ("outside", "states"):
        replacing = store._bulk(collection, [ReplaceOne({"_id": "a", "revision": 1}, {})], None)
        if fits:
            await replacing
        else:
            with pytest.raises(Conflict):
                await replacing


def test_a_job_that_its_own_result_asks_again_is_a_new_one():
    """Settled first, then asked: the other way round the asking would be lost."""
    store = Store.__new__(Store)
    store._partitions = 4
    loaded = Loaded("notify/case/c", "c", None)
    writes = Writes(jobs=[(loaded, Job(kind="mail", subject="x"), "")], settled=[("notify/case/c:mail:x", 3)])
    _, operations = store._operations(writes, clock.now())
    assert [type(one) for one in operations["jobs"]] == [DeleteOne, UpdateOne]
