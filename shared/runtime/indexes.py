"""The collections of a service's own database, and the indexes that its questions need."""

from __future__ import annotations

import contextlib
from typing import Any

from pymongo import ASCENDING, IndexModel
from pymongo.errors import CollectionInvalid, OperationFailure

from shared.runtime.documents import STALE

COLLECTIONS = (
    "states",
    "events",
    "inbox",
    "jobs",
    "outbox",
    "dead_letters",
    "answers",
    "references",
    "outside",
    "marks",
)


async def ensure(database: Any) -> None:
    """Create collections and indexes where they are not; safe to repeat. Raises PyMongoError."""
    existing = set(await database.list_collection_names())
    for name in COLLECTIONS:
        if name not in existing:
            with contextlib.suppress(CollectionInvalid, OperationFailure):  # another replica was faster
                await database.create_collection(name)
    await database["states"].create_indexes(
        [
            IndexModel([("kind", ASCENDING), ("case", ASCENDING)]),
            IndexModel([("wake", ASCENDING), ("partition", ASCENDING)]),
            # Asked for at each start, and hardly ever there.
            IndexModel([("fold", ASCENDING)], partialFilterExpression={"fold": STALE}),
        ]
    )
    await database["events"].create_indexes(
        [
            IndexModel([("aggregate", ASCENDING), ("sequence", ASCENDING)], unique=True),
            IndexModel([("key", ASCENDING)]),
        ]
    )
    await database["inbox"].create_indexes([IndexModel([("aggregate", ASCENDING)])])
    await database["jobs"].create_indexes(
        [IndexModel([("not_before", ASCENDING)]), IndexModel([("kind", ASCENDING), ("created", ASCENDING)])]
    )
    await database["outbox"].create_indexes([IndexModel([("not_before", ASCENDING)])])
    await database["dead_letters"].create_indexes([IndexModel([("aggregate", ASCENDING)])])
    await database["references"].create_indexes([IndexModel([("aggregate", ASCENDING)])])
    await database["outside"].create_indexes([IndexModel([("status", ASCENDING)])])
    await database["answers"].create_indexes([IndexModel([("expires", ASCENDING)], expireAfterSeconds=0)])
