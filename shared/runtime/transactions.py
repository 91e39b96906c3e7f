"""Transactions of the service's own database, and what may go wrong in one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import bson
from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    DuplicateKeyError,
    ExecutionTimeout,
    NetworkTimeout,
    PyMongoError,
    ServerSelectionTimeoutError,
    WaitQueueTimeoutError,
)
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from shared.errors import Unavailable
from shared.runtime.unbroken import unbroken

DUPLICATE = 11000
COMMIT_PATIENCE = 30.0
"""Seconds during which a commit of unknown outcome is repeated."""


class Conflict(Exception):
    """Somebody else wrote one of these aggregates first: load again and repeat, halved."""


class Fenced(Exception):
    """The job was taken over by another attempt: this result is dropped."""


class StoreRefusal(Exception):
    """The store or its bounds refuse these documents whatever the timing: halve, then hold."""


class StoreDown(Unavailable):
    """The store does not answer; nothing was written."""

    code = "store-down"


class CommitUnknown(StoreDown):
    """The store stopped answering during the commit: all was written, or nothing."""


def down(error: PyMongoError) -> bool:
    """Whether the error says that the store does not answer."""
    return isinstance(
        error,
        (ConnectionFailure, NetworkTimeout, ServerSelectionTimeoutError, WaitQueueTimeoutError, ExecutionTimeout),
    ) or getattr(error, "timeout", False)


async def transaction(client: Any, act: Callable[[Any], Any]) -> None:
    """Run ``act(session)`` in one transaction, to its end also where the caller is cancelled.

    Raises:
        Conflict, StoreRefusal, StoreDown, CommitUnknown; and what ``act`` raises.
    """
    await unbroken(_transacted(client, act))


async def _transacted(client: Any, act: Callable[[Any], Any]) -> None:
    try:
        async with (
            await client.start_session() as session,
            session.start_transaction(
                read_concern=ReadConcern("snapshot"), write_concern=WriteConcern("majority", j=True)
            ),
        ):
            await act(session)
            await _commit(session)
    except (DuplicateKeyError, BulkWriteError) as error:
        raise _classified(error) from error
    except PyMongoError as error:
        if error.has_error_label("TransientTransactionError") and not down(error):
            raise Conflict from error
        if down(error):
            raise StoreDown("The store does not answer; try again in a moment.") from error
        raise StoreRefusal(f"store-code-{getattr(error, 'code', None)}") from error
    except (bson.errors.InvalidDocument, OverflowError) as error:
        raise StoreRefusal("not-storable") from error


async def _commit(session: Any) -> None:
    deadline = time.monotonic() + COMMIT_PATIENCE
    while True:
        try:
            await session.commit_transaction()
        except PyMongoError as error:
            unknown = error.has_error_label("UnknownTransactionCommitResult")
            if unknown and time.monotonic() < deadline and not isinstance(error, ServerSelectionTimeoutError):
                await asyncio.sleep(0.05)
                continue
            if unknown or down(error):
                raise CommitUnknown("The store stopped answering; try again in a moment.") from error
            raise
        return


def _classified(error: DuplicateKeyError | BulkWriteError) -> Exception:
    if isinstance(error, DuplicateKeyError):
        return Conflict()
    if error.has_error_label("TransientTransactionError"):
        return Conflict()
    codes = {one.get("code") for one in (error.details or {}).get("writeErrors", ())}
    return Conflict() if codes == {DUPLICATE} else StoreRefusal(f"store-code-{sorted(map(str, codes))}")
