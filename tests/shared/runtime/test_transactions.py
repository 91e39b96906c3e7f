"""Transactions without a store: what its errors mean, and that a cancelled caller does not end one."""

from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace

import pytest
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    DuplicateKeyError,
    NetworkTimeout,
    OperationFailure,
    ServerSelectionTimeoutError,
)

from shared.runtime import transactions
from shared.runtime.transactions import CommitUnknown, Conflict, StoreDown, StoreRefusal, transaction

TRANSIENT = {"errorLabels": ["TransientTransactionError"]}


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


def client(session: Session) -> SimpleNamespace:
    async def start_session():
        return session

    return SimpleNamespace(start_session=start_session)


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
        await transaction(client(session), raising(error))
    assert type(caught.value) is meaning
    assert session.aborted


async def test_a_commit_of_unknown_outcome_is_repeated_until_it_is_known():
    session = Session(labelled(AutoReconnect("gone"), "UnknownTransactionCommitResult"), None)
    await transaction(client(session), nothing)
    assert session.answers == []


@pytest.mark.parametrize("patience", [0.0, 30.0])
async def test_a_commit_that_stays_unknown_is_said_to_be_unknown(monkeypatch, patience):
    monkeypatch.setattr(transactions, "COMMIT_PATIENCE", patience)
    last = AutoReconnect("gone") if patience == 0.0 else ServerSelectionTimeoutError("none")
    session = Session(labelled(last, "UnknownTransactionCommitResult"), None)
    with pytest.raises(CommitUnknown):
        await transaction(client(session), nothing)


async def test_a_transaction_lost_before_its_commit_is_a_conflict():
    with pytest.raises(Conflict):
        await transaction(client(Session(OperationFailure("no such transaction", 251, TRANSIENT))), nothing)


async def test_a_cancelled_caller_never_ends_the_transaction_under_a_thread_that_still_writes():
    session, writing, go = Session(), threading.Event(), threading.Event()
    seen: list[bool] = []

    def bulk_write() -> None:
        writing.set()
        go.wait(5)
        seen.append(session.aborted or session.ended)

    async def act(_session) -> None:
        await asyncio.to_thread(bulk_write)

    task = asyncio.create_task(transaction(client(session), act))
    await asyncio.to_thread(writing.wait, 5)
    task.cancel()
    await asyncio.sleep(0.02)
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert seen == [False]
    assert session.ended
    assert not session.aborted
