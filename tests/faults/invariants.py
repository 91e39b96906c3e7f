"""The design's invariants, checked from outside: the bus's records, the stores' documents, the answers.

Nothing of the services' own reading or writing is used; only their pure ``evolve``, which is what a state is defined
by. ``violations`` gives one named line for each thing that is wrong.
"""

from __future__ import annotations

import asyncio
import random
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.contracts.catalogue import topics
from shared.runtime.archive import BusReading
from shared.runtime.declaration import Aggregate, Recorded, Service
from shared.runtime.messages import Arrival, read
from shared.runtime.outside import TYP
from shared.trust.jws import read_unverified
from tests.faults.load import Load
from tests.faults.services import INTAKE, NOTIFY, POISON, TOO_LARGE, TOO_WIDE

EVENT_IDS = uuid.UUID("6f0f8f0e-5d3b-5c1e-9f0e-7265636f7572")
SICK = frozenset({POISON, TOO_LARGE, TOO_WIDE})
Document = Mapping[str, Any]


@dataclass
class Seen:
    """What was read from outside. ``stores``: service → collection → documents."""

    records: list[Arrival]
    stores: dict[str, dict[str, list[Document]]]
    services: tuple[Service, ...] = (INTAKE, NOTIFY)
    own: dict[str, dict[str, Document]] = field(init=False)

    def __post_init__(self) -> None:
        self.own = {name: {one["_id"]: one for one in found["events"]} for name, found in self.stores.items()}

    def narrowed(self, cases: Iterable[str]) -> Seen:
        """What there is of these cases alone."""
        wanted = frozenset(cases)
        keys = {one.encode() for one in wanted}
        stores: dict[str, dict[str, list[Document]]] = {}
        for service, found in self.stores.items():
            stores[service] = {
                "events": [one for one in found["events"] if one["key"] in keys],
                "inbox": [one for one in found["inbox"] if one["key"] in keys],
                **{name: [one for one in found[name] if one["case"] in wanted] for name in ("states", "jobs")},
                "dead_letters": [one for one in found["dead_letters"] if one["case"] in wanted | {"", "unknown"}],
                "outside": found["outside"],
            }
            own = {one["_id"] for one in stores[service]["events"]}
            stores[service]["outbox"] = [one for one in found["outbox"] if own & set(one["events"])]
        return Seen([one for one in self.records if header(one, "ce_subject") in wanted], stores, self.services)


async def see(bus: str, databases: Mapping[str, Any]) -> Seen:
    """Read the bus to its end, then the stores. ``databases``: pymongo databases by service."""
    records = [one async for one in BusReading(bus, topics())]
    names = ("events", "inbox", "states", "jobs", "outbox", "dead_letters", "outside")
    stores = await asyncio.to_thread(
        lambda: {service: {name: list(base[name].find()) for name in names} for service, base in databases.items()}
    )
    return Seen(records, stores)


def violations(seen: Seen, load: Load | None = None, *, sick: Iterable[str] = (), settled: bool = True) -> list[str]:
    """Everything that is wrong, one named line each.

    Args:
        load: what was played; None: nothing is known of it.
        sick: cases that may be held.
        settled: everything was waited for, so that nothing may be left to do.
    """
    found = [
        *every_own_event_is_on_the_bus(seen),
        *one_effect_per_event_id(seen),
        *sequences_are_gap_free(seen),
        *states_are_the_fold_of_their_facts(seen),
        *every_record_is_accounted_for(seen),
    ]
    if settled:
        found += nothing_is_left(seen, frozenset(sick))
    if load is not None:
        found += every_accepted_command_is_there_once(seen, load, frozenset(sick))
    return found


def every_own_event_is_on_the_bus(seen: Seen) -> Iterator[str]:
    """I1: what a service stored is on its topic, with the stored bytes; and the other way round."""
    on_bus: dict[str, list[Arrival]] = defaultdict(list)
    for record in seen.records:
        if not record.topic.startswith("partner."):
            on_bus[header(record, "ce_id")].append(record)
    waiting = {one for found in seen.stores.values() for box in found["outbox"] for one in box["events"]}
    for service, events in seen.own.items():
        for event_id, event in events.items():
            copies = on_bus.get(event_id, [])
            if not copies and event_id not in waiting:
                yield f"I1 lost: {service} stored {event['topic']} {event_id}, which is on no topic and in no outbox"
            for copy in copies:
                said = (copy.topic, copy.key, list(copy.headers), copy.body)
                stored = (event["topic"], event["key"], [(n, bytes(v)) for n, v in event["headers"]], event["body"])
                if said != stored:
                    yield f"I1 differs: {event['topic']} {event_id} is otherwise on the bus than in {service}'s store"
    for event_id, copies in on_bus.items():
        if not any(event_id in events for events in seen.own.values()):
            yield f"I1 forgotten: {copies[0].topic} {event_id} is on the bus and in no store"


def one_effect_per_event_id(seen: Seen) -> Iterator[str]:
    """I2: ids are made of aggregate and sequence; each fact told once; each job's result stored once."""
    for service, events in seen.own.items():
        for event_id, event in events.items():
            expected = str(uuid.uuid5(EVENT_IDS, f"{event['aggregate']}#{event['sequence']}"))
            if event_id != expected:
                yield f"I2 identity: {service}'s {event['topic']} {event_id} is not made of aggregate and sequence"
    effects: Counter[tuple[str, str]] = Counter()
    for event in seen.own.get("notify", {}).values():
        if event["topic"] in {"notification-sent", "notification-failed"}:
            effects[event["aggregate"], said_in(event).notification] += 1
    for (aggregate, what), times in effects.items():
        if times > 1:
            yield f"I2 doubled: {what} of {aggregate} is stored {times} times"


def sequences_are_gap_free(seen: Seen) -> Iterator[str]:
    """I3: 1, 2, 3 … per aggregate in the store, and nothing beyond that on the bus."""
    for service, events in seen.own.items():
        by_aggregate: dict[str, list[int]] = defaultdict(list)
        for event in events.values():
            by_aggregate[event["aggregate"]].append(event["sequence"])
        for aggregate, numbers in by_aggregate.items():
            if sorted(numbers) != list(range(1, len(numbers) + 1)):
                yield f"I3 gap: {aggregate} of {service} has sequences {sorted(numbers)[:20]}"
        for state in seen.stores[service]["states"]:
            count = len(by_aggregate.get(state["_id"], ()))
            if state["sequence"] != count:
                yield f"I3 state: {state['_id']} is at {state['sequence']}, its events are {count}"


def states_are_the_fold_of_their_facts(seen: Seen, seed: int = 1) -> Iterator[str]:
    """I6: each state is what inbox (in any order) and own events make of nothing, and its wake what it asks for."""
    chance = random.Random(seed)
    for service in seen.services:
        stored = seen.stores[service.name]
        inbox, own = _by_aggregate(stored["inbox"]), _by_aggregate(stored["events"])
        states = {one["_id"]: one for one in stored["states"]}
        for aggregate_id in {*inbox, *own} - states.keys():
            if aggregate_id.split("/")[1] != "writer":
                yield f"I6 absent: {aggregate_id} has facts and no state"
        letters = Counter(one["aggregate"] for one in stored["dead_letters"])
        for aggregate_id, document in states.items():
            declared: Aggregate = service.aggregate(document["kind"])
            followed = [fact_of(one) for one in inbox[aggregate_id]]
            chance.shuffle(followed)
            state: Any = declared.state()
            for fact in [*followed, *sorted(map(fact_of, own[aggregate_id]), key=lambda one: one.sequence)]:
                state = declared.evolve(state, fact)
            if declared.state.model_validate_json(document["state"]) != state:
                yield f"I6 differs: {aggregate_id} is not the fold of its {len(followed)} facts and own events"
            if document["held"] != letters[aggregate_id]:
                yield f"I6 held: {aggregate_id} counts {document['held']} dead letters of {letters[aggregate_id]}"
            if not document["held"] and not document["pending"] and document["wake"] != declared.wake(state):
                yield f"I6 wake: {aggregate_id} will be woken at {document['wake']}, asks for {declared.wake(state)}"


def every_record_is_accounted_for(seen: Seen, below: Mapping[tuple[str, str, int], int] | None = None) -> Iterator[str]:
    """I7: each record of a followed topic is in the inbox or a dead letter; each inbox entry is a record.

    ``below``: check only records under these offsets, by (service, topic, partition): what a group has committed.
    """
    bytes_of = {header(one, "ce_id"): (one.topic, one.key, one.body) for one in seen.records}
    for service in seen.services:
        stored = seen.stores[service.name]
        inbox = {one["_id"] for one in stored["inbox"]}
        places = {(one["topic"], one["partition"], one["offset"]) for one in stored["dead_letters"]}
        said = {dict(map(tuple, one["headers"])).get("ce_id", b"").decode() for one in stored["dead_letters"]}
        outside = {one["_id"]: one["status"] for one in stored["outside"]}
        granted = Counter(said_in(one).access for one in stored["events"] if one["topic"] == "access-granted")
        follows = {one.name for one in service.follows}
        accepts = {one.message.topic for one in service.accepts}
        for record in seen.records:
            if below is not None and record.offset >= below.get((service.name, record.topic, record.partition), 0):
                continue
            place = (record.topic, record.partition, record.offset)
            if record.topic in follows:
                event_id = header(record, "ce_id")
                expected = f"{service.name}/case/{header(record, 'ce_subject')}/{event_id}"
                if expected not in inbox and place not in places and event_id not in said:
                    at = f"partition {record.partition}, offset {record.offset}"
                    yield f"I7 unaccounted: {service.name} has {record.topic} {event_id} nowhere ({at})"
                if record.key.decode("ascii", "replace") != header(record, "ce_subject"):
                    yield f"I7 keyless: {record.topic} {event_id} is not keyed by its case"
            elif record.topic in accepts:
                _, claims = read_unverified(record.body, TYP)
                status, times = outside.get(f"{claims['partner']}/{claims['id']}"), granted[claims["id"]]
                if (status, times) != ("accepted", 1):
                    yield f"I7 partner: {record.topic} {claims['id']} is {status}, granted {times} times"
        if below is not None:
            continue
        for one in stored["inbox"]:
            event_id = one["_id"].rsplit("/", 1)[1]
            if bytes_of.get(event_id) != (one["topic"], one["key"], one["body"]):
                yield f"I7 invented: {service.name}'s inbox has a {one['topic']} {event_id} that the bus has not so"


def nothing_is_left(seen: Seen, sick: frozenset[str]) -> Iterator[str]:
    """I8: once settled nothing is to do, to publish, to react to, or held (but for what is sick)."""
    for service, stored in seen.stores.items():
        for one in stored["outbox"]:
            yield f"I8 outbox: {service} has {one['_id']} still to publish"
        for one in stored["jobs"]:
            if one["case"] not in sick:
                yield f"I8 job: {service} has {one['kind']} {one['_id']} still to do (attempt {one['attempt']})"
        for one in stored["dead_letters"]:
            if one["case"] not in sick:
                yield f"I8 held: {one['aggregate']} of {service} by {one['reason']} ({one['detail']})"
        for one in stored["states"]:
            if (one["pending"] or one["wake"]) and not one["held"]:
                yield f"I8 asleep: {one['_id']} is pending or was not woken ({one['wake']})"


def every_accepted_command_is_there_once(seen: Seen, load: Load, sick: frozenset[str]) -> Iterator[str]:
    """I1 and I2 of commands: what was answered is stored once, what was sent again is not there twice; I8: accepted."""
    stored: dict[str, Counter[tuple[str, int]]] = defaultdict(Counter)
    for events in seen.own.values():
        for event in events.values():
            said = fact_of(event)
            stored[said.case][_number(said)] += 1
    notified: set[str] = {
        said_in(one).notification
        for one in seen.own.get("notify", {}).values()
        if one["topic"] in {"notification-sent", "notification-failed"}
    }
    for case, played in load.played.items():
        if case not in sick:
            yield from (f"I8 never accepted: {case}: {one}" for one in played.never)
        for step in played.accepted:
            for number in (step.number, step.twin):
                if number is None:
                    continue
                times = stored[case][step.what, number]
                if times != 1:
                    yield f"I1 command: {step.what} {number} of {case} was answered and is stored {times} times"
        if case in sick:
            continue
        for fact in (fact_of(one) for one in seen.own.get("intake", {}).values() if one["key"] == case.encode()):
            if fact.name in {"case-opened", "case-updated"} and fact.id not in notified:
                yield f"I1 untold: notify said nothing of {fact.name} {fact.id}"
        closed = any(step.what == "close" for step in played.accepted)
        reminders = stored[case]["reminder", 0]
        if reminders != 1 and not closed and played.accepted:
            yield f"I1 reminder: {case} was reminded {reminders} times"


def reminded_although_closed(seen: Seen) -> Iterator[str]:
    """Presence: nobody is reminded of a case whose closing was on the bus before the reminder was due.

    To be asked where the follower starts after everything was published: then each closing was there in time.
    """
    closed = {one.key for one in seen.records if one.topic == "case-closed"}
    for event in seen.own["notify"].values():
        reminder = event["topic"] == "notification-sent" and said_in(event).template == "reminder"
        if reminder and event["key"] in closed:
            yield f"Presence: {event['key'].decode()} was reminded although it had been closed"


def header(record: Arrival, name: str) -> str:
    return dict(record.headers).get(name, b"").decode("ascii", "replace")


def fact_of(document: Document) -> Recorded:
    """What a stored document says, by the contracts alone."""
    return read(tuple((name, bytes(value)) for name, value in document["headers"]), bytes(document["body"]))


def said_in(document: Document) -> Any:
    """The event that a stored document holds."""
    return fact_of(document).event


def _by_aggregate(documents: Iterable[Document]) -> dict[str, list[Document]]:
    found: dict[str, list[Document]] = defaultdict(list)
    for one in documents:
        found[one["aggregate"]].append(one)
    return found


def _number(fact: Recorded) -> tuple[str, int]:
    """Which command an event is the effect of, by the number that the driver gave it."""
    said: Any = fact.event
    match fact.name:
        case "case-opened":
            return "open", 0
        case "case-updated":
            return "update", said.facets.authors_at_most
        case "case-closed":
            return "close", -1
        case "notification-sent" if said.template in {"note", "nudge"}:
            return said.template, int(said.notification.rpartition("-")[2])
        case "notification-sent" if said.template == "reminder":
            return "reminder", 0
    return fact.name, 0
