"""What is written in one transaction, and in which order."""

from __future__ import annotations

from pymongo import DeleteOne, InsertOne, ReplaceOne, UpdateOne

from shared import clock
from shared.runtime.declaration import Job
from shared.runtime.documents import Writes
from shared.runtime.folding import Loaded
from shared.runtime.operations import operations


def test_a_partners_message_is_inserted_once_and_replaced_only_as_it_was_read():
    def asked(document):
        _, requests = operations(Writes(outside=document), 4, clock.now())
        return requests["outside"][0]

    new = asked({"_id": "p/m", "status": "new"})
    assert isinstance(new, InsertOne)
    assert new._doc["revision"] == 1
    again = asked({"_id": "p/m", "status": "accepted", "revision": 1})
    assert isinstance(again, ReplaceOne)
    assert (again._filter, again._upsert) == ({"_id": "p/m", "revision": 1}, None)
    assert again._doc["revision"] == 2


def test_a_job_that_its_own_result_asks_again_is_a_new_one():
    """Settled first, then asked: the other way round the asking would be lost."""
    loaded = Loaded("notify/case/c", "c", None)
    writes = Writes(jobs=[(loaded, Job(kind="mail", subject="x"), "")], settled=[("notify/case/c:mail:x", 3)])
    _, requests = operations(writes, 4, clock.now())
    assert [type(one) for one in requests["jobs"]] == [DeleteOne, UpdateOne]
