"""What one event costs a processor, stage by stage, each measured alone in one fresh process."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import bson

from shared.contracts import envelope as wire
from shared.runtime.documents import Publication, event_document, inbox_document, loaded_of, state_document
from shared.runtime.folding import absorb, blank
from shared.runtime.messages import Arrival, verify
from shared.trust.signing import KeySet, SigningKey
from tests.bench import feed, follower, stores
from tests.bench.runner import Bench, Side
from tests.bench.side import Measured, Plan, Watch, digest_of

ROWS = ("event.cpu",)
EVENTS, CASES = 4_000, 400
STAGES = {
    "made": "made, encoded and signed",
    "read": "headers and body read and checked",
    "verified": "signature verified",
    "folded": "folded",
    "state": "its state encoded and loaded again",
    "inbox": "inbox document made and encoded",
    "event": "event document made and encoded",
}


async def rows(bench: Bench) -> None:
    plan = {"key": feed.key().to_secret_json(), "count": bench.size(EVENTS, 500)}
    found: dict[str, list[float]] = {stage: [] for stage in STAGES}
    for _ in range(bench.repeats):
        measured = await bench.run(Side("stages of an event", "costs.stages"), plan)
        for stage, values in found.items():
            values.append(measured.more[stage])
    for stage, says in STAGES.items():
        bench.figure(f"event.cpu.{stage}", f"an event {says}", "us", found[stage])


async def stages(plan: Plan) -> Measured:
    """Microseconds of processor time for each event, by stage."""
    signer = SigningKey.from_secret_json(plan["key"])
    keys = KeySet([signer.public()])
    declared = follower.service("bench").aggregate("case")
    watch, spent = Watch({}), {}
    watch.start()

    def each(stage: str, work: Callable[[Any], Any], given: Sequence[Any]) -> list[Any]:
        began = time.process_time()
        done = [work(one) for one in given]
        spent[stage] = (time.process_time() - began) / plan["count"] * 1e6
        return done

    [made] = each("made", lambda count: list(feed.messages(signer, count, CASES)), [plan["count"]])
    arrivals: list[Arrival] = each("read", stores.fact, feed.arrivals(made))
    each("verified", lambda one: verify(one.headers, one.body, keys), arrivals)
    facts = [one.fact for one in arrivals if one.fact]
    empty = blank(declared, "bench/case/1", feed.case(1))
    folded = each("folded", lambda fact: absorb(declared, empty, [fact]), facts)
    each("state", lambda one: loaded_of(declared, bson.decode(bson.encode(state_document(declared, one, 4)))), folded)
    each("inbox", lambda one: bson.encode(inbox_document("bench/case/1", one, one.fact.id)), arrivals)
    published = [Publication(fact, message, feed.EPOCH) for fact, message in zip(facts, made, strict=True)]
    each("event", lambda one: bson.encode(event_document(one)), published)
    measured = watch.stop(len(facts))
    measured.digest = digest_of(wire.signed_bytes(one.headers, one.body) for one in made)
    measured.more = spent
    return measured
