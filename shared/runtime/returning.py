"""What a service published and its store no longer knows, taken back before it writes (a store restored or lost).

The bus is compared with the store from the marks that the store keeps: the offsets below which everything was stored
when the mark was written. A store of an earlier time has earlier marks, a new one has none.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

import structlog

from shared.clock import now
from shared.contracts.envelope import Envelope, Message, decode
from shared.contracts.everyone import Checkpoint
from shared.errors import BrokenContract, Refused
from shared.runtime.archive import BusReading
from shared.runtime.declaration import Service
from shared.runtime.documents import MAX_DOCUMENTS, Publication, Writes, message_of
from shared.runtime.marks import PUBLISHED, mark
from shared.runtime.messages import Arrival, read, verify
from shared.runtime.refolding import refold_states, stale
from shared.runtime.store import Store
from shared.runtime.transactions import Conflict
from shared.trust.signing import KeySet

log = structlog.get_logger()
AT_ONCE = MAX_DOCUMENTS // 4
"""Records compared, and if need be stored with the aggregates that they change, in one transaction."""


async def take_back(service: Service, store: Store, bus: str, keys: KeySet) -> int:
    """Store the service's own events that the bus has and the store has not; gives how many there were.

    Raises:
        Refused: ``forked``: the bus says another thing under the id of a stored event; ``gap``: an aggregate's events
            are not whole even with the bus; ``unknown-signing-key``: a restored keyring lacks the key of an event that
            the store lacks too. None can be served, or a sequence would be used twice.
        Unavailable: the bus or the store does not answer; may be repeated.
    """
    # Checkpoints too: without them the audit could not tell what the store lost from what was cut from both.
    own = [*(event.name for event in service.publishes), Checkpoint.name]
    reading = BusReading(bus, own, since=await store.marks(PUBLISHED))
    count = 0
    batch: list[Arrival] = []
    async for record in reading:
        batch.append(record)
        if len(batch) == AT_ONCE:
            count += await _returned(service, store, keys, batch)
            batch.clear()
    count += await _returned(service, store, keys, batch)
    if count:
        log.warning("events-taken-back", count=count)
    try:
        await refold_states(service, store, stale)
    except BrokenContract as error:
        raise Refused("gap", f"{error} Restore a newer backup of the store, or run the audit.") from error
    ends = {mark(PUBLISHED, *place): end for place, end in reading.ends.items()}
    with contextlib.suppress(Conflict):  # another replica has just written them
        await store.write(Writes(marks=ends), now=now())
    return count


async def _returned(service: Service, store: Store, keys: KeySet, records: Iterable[Arrival]) -> int:
    own = {envelope.id: (envelope, record) for record in records if (envelope := _own(service, record))}
    stored = {str(one["_id"]): message_of(one) for one in await store.events(list(own))}
    writes = Writes()
    changed: dict[str, str] = {}
    for event_id, (envelope, record) in own.items():
        message = Message(topic=record.topic, key=record.key, headers=record.headers, body=record.body)
        if stored.get(event_id) == message:
            continue
        try:
            verify(record.headers, record.body, keys)
            recorded = read(record.headers, record.body, topic=record.topic)
        except BrokenContract:
            if keys.get(envelope.keyid) is None and await _is_next(store, envelope):
                raise Refused(
                    "unknown-signing-key",
                    f"The keyring does not know the key {envelope.keyid[:96]!r} of an event that the store lacks "
                    f"({record.topic}, partition {record.partition}, offset {record.offset}): give it back by "
                    "`recours keyring publish service-keys.json`, or restore a newer keyring.",
                ) from None
            # Not ours, whoever put it there: the audit names it.
            log.error("event-not-taken-back", topic=record.topic, partition=record.partition, offset=record.offset)
            continue
        if event_id in stored:
            raise Refused(
                "forked",
                f"The bus has other content for an event of the store ({record.topic}, partition {record.partition}, "
                f"offset {record.offset}): restore a newer backup of the store, and run the audit.",
            )
        writes.returned.append(Publication(recorded, message, envelope.epoch))
        if recorded.aggregate.split("/", 2)[1] in {one.name for one in service.aggregates}:
            changed[recorded.aggregate] = recorded.case
    if not writes.returned:
        return 0
    writes.stale = [(one, service.aggregate_of(one), case) for one, case in changed.items()]
    try:
        await store.write(writes, now=now())
    except Conflict:  # another replica takes the same back: look again
        return await _returned(service, store, keys, [record for _, record in own.values()])
    return len(writes.returned)


async def _is_next(store: Store, envelope: Envelope) -> bool:
    """Whether the store has no event of that aggregate and sequence, so that it would give the number again."""
    return all(one.sequence != envelope.sequence for one in await store.own_events(envelope.aggregate))


def _own(service: Service, record: Arrival) -> Envelope | None:
    """The envelope of a record that says it is this service's, None of any other."""
    try:
        envelope = decode(record.headers)
    except BrokenContract:
        return None
    return envelope if envelope.service == service.name else None
