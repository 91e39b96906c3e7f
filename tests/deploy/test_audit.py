from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import json
from dataclasses import replace

import httpx
import pytest

from deploy.audit.findings import Ledger
from deploy.audit.sites import store_of
from deploy.audit.stores import Source
from deploy.audit.tokens import Timestamps
from shared import clock, ids
from shared.contracts.envelope import decode, encode, sign, signed_bytes
from shared.contracts.evidence import EvidenceTimestamped, EvidenceUploaded, EvidenceWithdrawn
from shared.ids import event_id
from shared.objects import objects_of
from shared.runtime import archive
from shared.runtime.declaration import Recorded
from shared.settings import read
from shared.trust import timestamps
from shared.trust.keyring import Keyring
from shared.trust.sealing import Purpose, commitment, new_salt, seal, seal_chunks
from shared.trust.signing import generate
from tests.deploy.toy_platform import SERVICES, Toys, declare, recours, toy_platform, undeclare
from tests.shared.runtime import toy

pytestmark = pytest.mark.platform


@pytest.fixture(scope="module")
async def toys(tmp_path_factory, engines):
    """Cases that came to rest, in epochs that were ended; the services stand still while the stores are altered."""
    declare()
    async with toy_platform(tmp_path_factory.mktemp("audit") / "up", engines) as platform:
        with Toys(platform) as toys:
            toys.cases = await toys.open_cases(6)
            toys.live = await _audited_under_load(toys)
            await toys.quiet(toys.cases)
            await toys.end_epochs()
            with toys.paused():
                toys.log = platform.data / "log.jsonl"
                said = await recours("topics", "export", str(toys.log), "--data", str(platform.data))
                assert said.exit_code == 0, said.output
                yield toys
    undeclare()


async def _audited_under_load(toys):
    async def load():
        while True:
            for case in toys.cases:
                await toys.act(case, "update", 4)

    loading = asyncio.create_task(load())
    try:
        return [await toys.audit() for _ in range(2)]
    finally:
        loading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await loading


@contextlib.contextmanager
def altered(collection, document_id, change):
    """A document changed by hand (None: removed), and put back."""
    before = collection.find_one({"_id": document_id})
    assert before is not None
    after = change(dict(before))
    if after is None:
        collection.delete_one({"_id": document_id})
    else:
        collection.replace_one({"_id": document_id}, after)
    try:
        yield before
    finally:
        collection.replace_one({"_id": document_id}, before, upsert=True)


@contextlib.contextmanager
def rewritten(toys, tmp_path, change):
    """A copy of the log whose records went through ``change`` (a list of them each)."""
    path = tmp_path / "log.jsonl"
    with path.open("wb") as file:
        for record in archive.read_file(toys.log):
            file.writelines(archive.line_of(one) for one in change(record))
    yield path


def event_of(toys, service="intake", topic="case-updated"):
    return toys.store(service).events.find_one({"topic": topic})


def kinds(report):
    return set(report.totals)


def named(report, kind):
    return [one for one in report.findings if one.kind == kind]


async def test_an_audit_under_load_finds_nothing(toys):
    for report in toys.live:
        assert report.result == "ok", report.findings
    assert toys.live[1].looked["records"] > toys.live[0].looked["records"]


async def test_a_clean_run_audits_ok_from_bus_and_from_file_and_says_what_it_looked_at(toys, tmp_path):
    for option in ([], ["--log", str(toys.log)]):
        arguments = ["--data", str(toys.platform.data), "--services", ",".join(SERVICES)]
        report = tmp_path / "report.json"
        said = await recours("audit", *option, *arguments, "--json", str(report))
        assert said.exit_code == 0, said.output
        assert "log, stores and states agree" in said.output
        assert "the last open epoch (about a minute before a crash)" in said.output
        content = json.loads(report.read_text())
        assert content["result"] == "ok"
        assert content["findings"] == []
        events = sum(toys.store(name).events.count_documents({}) for name in SERVICES)
        looked = content["looked"]
        assert looked["events compared"] == looked["signatures"] == events
        assert looked["states folded again"] == 2 * len(toys.cases)
        assert looked["epochs"] == looked["checkpoint objects"] >= 2
        assert "events that no checkpoint covers" not in content["notes"]


async def test_a_body_changed_in_the_store_is_found_and_named_by_the_command(toys, tmp_path):
    event = event_of(toys)
    body = event["body"].replace(b"victim", b"guardian")
    with altered(toys.store("intake").events, event["_id"], lambda one: {**one, "body": body}):
        arguments = ["--data", str(toys.platform.data), "--services", ",".join(SERVICES)]
        said = await recours("audit", *arguments, "--json", str(tmp_path / "report.json"))
    assert said.exit_code == 1
    assert event["_id"] in said.output
    content = json.loads((tmp_path / "report.json").read_text())
    assert content["result"] == "findings"
    assert content["totals"] == {"event-altered": 1}
    [finding] = content["findings"]
    assert (finding["service"], finding["event"]) == ("intake", event["_id"])
    assert finding["aggregate"] == event["aggregate"]
    assert "the bus's copy is validly signed" in finding["detail"]


async def test_a_header_changed_in_the_store_is_found(toys):
    event = event_of(toys)
    headers = [[name, b"x" if name == "ce_causationid" else value] for name, value in event["headers"]]
    with altered(toys.store("intake").events, event["_id"], lambda one: {**one, "headers": headers}):
        report = await toys.audit(toys.log)
    assert kinds(report) == {"event-altered"}


async def test_an_event_removed_from_a_store_is_found_and_its_checkpoint_says_that_it_was_there(toys):
    event = toys.store("notify").events.find_one({"topic": "notification-sent"})
    with altered(toys.store("notify").events, event["_id"], lambda _: None):
        report = await toys.audit()
    [finding] = named(report, "event-missing-in-store")
    assert finding.event == event["_id"]
    assert "its checkpoint counts it" in finding.detail
    assert kinds(report) <= {"event-missing-in-store", "state-differs"}
    assert {one.aggregate for one in report.findings} == {event["aggregate"]}


async def test_an_event_missing_on_the_bus_is_found(toys, tmp_path):
    places = {(one.topic, one.partition, one.offset) for one in archive.read_file(toys.log)}
    updates = sorted(one for one in places if one[0] == "case-updated")
    middle = next(one for one in updates if {(*one[:2], one[2] - 1), (*one[:2], one[2] + 1)} <= places)
    lost = []

    def gone(one):
        if (one.topic, one.partition, one.offset) != middle:
            return [one]
        lost.append(dict(one.headers)["ce_id"].decode())
        return []

    with rewritten(toys, tmp_path, gone) as log:
        report = await toys.audit(log)
    [finding] = named(report, "event-missing-on-bus")
    assert finding.event == lost[0]
    [entry] = named(report, "inbox-differs")
    assert (entry.service, entry.event) == ("notify", lost[0])
    assert kinds(report) == {"event-missing-on-bus", "inbox-differs"}
    assert report.notes["gaps in the log's offsets"] == 1


async def test_an_event_that_an_outbox_still_promises_is_not_lost(toys, tmp_path):
    event = event_of(toys)
    outbox = toys.store("intake").outbox
    gone = lambda one: [] if dict(one.headers)["ce_id"].decode() == event["_id"] else [one]  # noqa: E731
    outbox.insert_one({"_id": "promised", "events": [event["_id"]], "messages": [], "not_before": event["time"]})
    try:
        with rewritten(toys, tmp_path, gone) as log:
            report = await toys.audit(log)
    finally:
        outbox.delete_one({"_id": "promised"})
    assert kinds(report) == {"inbox-differs"}
    assert report.notes["events still in an outbox"] == 1


async def test_a_body_changed_on_the_bus_breaks_its_signature_and_differs_from_store_and_inbox(toys, tmp_path):
    event = event_of(toys)

    def change(one):
        if dict(one.headers)["ce_id"].decode() == event["_id"]:
            return [replace(one, body=one.body.replace(b"victim", b"witness"))]
        return [one]

    with rewritten(toys, tmp_path, change) as log:
        report = await toys.audit(log)
    assert {"signature-broken", "event-altered", "inbox-differs"} == kinds(report)
    assert "the bus's copy is not validly signed" in named(report, "event-altered")[0].detail


async def test_a_duplicate_with_the_same_bytes_is_counted_and_one_with_other_bytes_is_found(toys, tmp_path):
    event = event_of(toys)
    mine = lambda one: dict(one.headers)["ce_id"].decode() == event["_id"]  # noqa: E731
    with rewritten(toys, tmp_path, lambda one: [one, one] if mine(one) else [one]) as log:
        report = await toys.audit(log)
    assert report.result == "ok"
    assert sum(one.duplicates for one in report.types) == 1
    other = lambda one: replace(one, headers=(*one.headers, ("x-later", b"1")))  # noqa: E731
    with rewritten(toys, tmp_path, lambda one: [one, other(one)] if mine(one) else [one]) as log:
        report = await toys.audit(log)
    assert "event-altered" in kinds(report)
    assert "different bytes" in named(report, "event-altered")[0].detail


def forged_like(one, key, sequence):
    """The record as whoever holds ``key`` would make the aggregate's event of that sequence."""
    envelope = decode(one.headers)
    fresh = envelope.model_copy(
        update={"id": event_id(envelope.aggregate, sequence), "sequence": sequence, "keyid": key.key_id}
    )
    headers = encode(fresh)
    return replace(one, headers=sign(headers, key.sign(signed_bytes(headers, one.body))), offset=one.offset + 10_000)


@pytest.mark.parametrize("stolen", [True, False], ids=["with the service's key", "with a key of its own"])
async def test_a_forged_event_is_found(toys, tmp_path, stolen):
    event = toys.store("intake").events.find_one({"topic": "case-updated"}, sort=[("sequence", -1)])
    settings = read_settings(toys, "intake")
    async with Keyring(settings.keyring, settings.keyring_token.get_secret_value()) as keyring:
        key = await keyring.signing_key("intake") if stolen else generate("intake", clock.now())
    mine = lambda one: dict(one.headers)["ce_id"].decode() == event["_id"]  # noqa: E731
    forge = lambda one: [one, forged_like(one, key, event["sequence"] + 1)] if mine(one) else [one]  # noqa: E731
    with rewritten(toys, tmp_path, forge) as log:
        report = await toys.audit(log)
    [finding] = named(report, "event-forged")
    assert finding.event == event_id(event["aggregate"], event["sequence"] + 1)
    assert ("signature-broken" in kinds(report)) is not stolen
    # No follower has taken it in.
    assert {one.event for one in named(report, "inbox-differs")} == {finding.event}


async def test_a_state_that_was_edited_is_found_and_its_fields_are_named(toys):
    states = toys.store("notify").states
    one = states.find_one({})
    state = json.dumps({**json.loads(one["state"]), "reminded": False, "heard": {}})
    with altered(states, one["_id"], lambda it: {**it, "state": state}):
        report = await toys.audit(toys.log)
    [finding] = report.findings
    assert (finding.kind, finding.aggregate) == ("state-differs", one["_id"])
    # Not reminded, it would have to be woken.
    assert finding.detail == "in heard, reminded"


@pytest.mark.parametrize(
    ("field", "value"),
    [("sequence", 99), ("wake", clock.now()), ("held", 1), ("partition", 77), ("kind", "other"), ("state", "{")],
)
async def test_what_stands_beside_a_state_is_compared_too(toys, field, value):
    states = toys.store("notify").states
    one = states.find_one({})
    with altered(states, one["_id"], lambda it: {**it, field: value}):
        report = await toys.audit(toys.log)
    [finding] = report.findings
    assert (finding.kind, finding.aggregate) == ("state-differs", one["_id"])


async def test_a_state_removed_or_out_of_nothing_is_found(toys):
    states = toys.store("notify").states
    one = states.find_one({})
    with altered(states, one["_id"], lambda _: None):
        report = await toys.audit(toys.log)
    assert [(it.kind, it.aggregate) for it in report.findings] == [("state-missing", one["_id"])]
    states.insert_one({**one, "_id": "notify/case/nobody", "case": "nobody"})
    try:
        report = await toys.audit(toys.log)
    finally:
        states.delete_one({"_id": "notify/case/nobody"})
    assert [(it.kind, it.aggregate) for it in report.findings] == [("state-without-facts", "notify/case/nobody")]


async def test_an_inbox_entry_edited_is_found(toys):
    inbox = toys.store("notify").inbox
    one = inbox.find_one({"topic": "case-updated"})
    body = one["body"].replace(b"victim", b"witness")
    with altered(inbox, one["_id"], lambda it: {**it, "body": body}):
        report = await toys.audit(toys.log)
    [finding] = report.findings
    assert (finding.kind, finding.service) == ("inbox-differs", "notify")
    assert one["_id"] == f"{finding.aggregate}/{finding.event}"


async def test_an_inbox_entry_removed_is_found_because_it_was_read(toys):
    inbox = toys.store("notify").inbox
    one = inbox.find_one({"topic": "case-opened"})
    with altered(inbox, one["_id"], lambda _: None):
        report = await toys.audit()
    [finding] = named(report, "inbox-differs")
    assert one["_id"] == f"{finding.aggregate}/{finding.event}"
    assert kinds(report) == {"inbox-differs", "state-differs"}


async def test_a_mutilated_document_is_a_finding_and_no_crash(toys):
    inbox = toys.store("notify").inbox
    one = inbox.find_one({})
    with altered(inbox, one["_id"], lambda it: {"_id": it["_id"], "aggregate": it["aggregate"]}):
        report = await toys.audit(toys.log)
    assert "document-broken" in kinds(report)


@contextlib.contextmanager
def cut(toys, tmp_path, ended):
    """The newest events of notify since ``ended`` cut from log, store, inbox and checkpoints."""
    events, inbox = toys.store("notify").events, toys.store("intake").inbox
    gone = list(events.find({"_id": {"$in": ended}}))
    entries = [one for one in inbox.find({}) if one["_id"].rpartition("/")[2] in ended]
    events.delete_many({"_id": {"$in": ended}})
    inbox.delete_many({"_id": {"$in": [one["_id"] for one in entries]}})
    try:
        with rewritten(
            toys, tmp_path, lambda one: [] if dict(one.headers)["ce_id"].decode() in ended else [one]
        ) as log:
            yield log
    finally:
        events.insert_many(gone)
        if entries:
            inbox.insert_many(entries)


def newest(toys, topic):
    """Ids of the last event of each aggregate of notify."""
    found = {}
    for one in toys.store("notify").events.find({"topic": topic}).sort("sequence", 1):
        found[one["aggregate"]] = one["_id"]
    return list(found.values())


async def test_newest_events_cut_from_bus_and_store_show_by_their_checkpoint(toys, tmp_path):
    ended = newest(toys, "notification-sent")
    with cut(toys, tmp_path, ended) as log:
        report = await toys.audit(log)
    assert "truncated" in kinds(report)
    assert f"{len(ended)} of " in named(report, "truncated")[0].detail
    assert not {"sequence-gap", "event-missing-on-bus", "event-missing-in-store"} & kinds(report)


async def test_newest_events_cut_with_their_checkpoint_show_by_its_object(toys, tmp_path):
    checkpoint = event_of(toys, "notify", "checkpoint")
    with cut(toys, tmp_path, [*newest(toys, "notification-sent"), checkpoint["_id"]]) as log:
        report = await toys.audit(log)
    details = [one.detail for one in named(report, "truncated")]
    assert any("kept as an object" in one for one in details)
    assert any("neither on the bus nor in the store" in one for one in details)


async def test_an_event_gone_from_the_middle_of_bus_and_store_is_a_gap(toys, tmp_path):
    event = toys.store("notify").events.find_one({"topic": "notification-sent", "sequence": 1})
    with cut(toys, tmp_path, [event["_id"]]) as log:
        report = await toys.audit(log)
    [finding] = named(report, "sequence-gap")
    assert finding.event == event["_id"]
    assert "truncated" in kinds(report)


async def test_a_file_older_than_the_stores_is_not_asked_for_what_came_after(toys, tmp_path):
    times = sorted(dict(one.headers)["ce_time"].decode() for one in archive.read_file(toys.log))
    half = times[len(times) // 2]
    early = lambda one: [one] if dict(one.headers)["ce_time"].decode() <= half else []  # noqa: E731
    with rewritten(toys, tmp_path, early) as log:
        strict, lenient = await toys.audit(log), await toys.audit(log, older=True)
    assert {"event-missing-on-bus", "inbox-differs"} <= kinds(strict)
    assert lenient.result == "ok", lenient.findings
    assert lenient.notes["events newer than the log"] > 0


async def test_what_is_no_envelope_on_an_event_topic_is_found_and_partners_are_let_through(toys, tmp_path):
    first = next(archive.read_file(toys.log))
    noise = replace(first, headers=(), body=b"Camille Perrin", offset=90_000)
    partner = replace(noise, topic="partner.cover")
    added = iter([noise, partner])
    with rewritten(toys, tmp_path, lambda one: [one, *added]) as log:
        report = await toys.audit(log)
    [finding] = report.findings
    assert finding.kind == "contract-broken"
    assert "Camille" not in report.model_dump_json()
    assert report.looked["messages of partners"] == 1


async def test_keys_may_come_from_a_file_and_unknown_ones_break_every_signature(toys, tmp_path):
    keys = tmp_path / "service-keys.json"
    keys.write_text('{"keys": []}')
    arguments = ["--data", str(toys.platform.data), "--services", ",".join(SERVICES), "--keys", str(keys)]
    said = await recours("audit", *arguments, "--json", str(tmp_path / "report.json"))
    assert said.exit_code == 1
    content = json.loads((tmp_path / "report.json").read_text())
    assert content["totals"]["signature-broken"] == content["looked"]["signatures"]
    assert len([one for one in content["findings"] if one["kind"] == "signature-broken"]) == 20


def read_settings(toys, service):
    return read(
        **{name.removeprefix("RECOURS_").lower(): value for name, value in toys.platform.settings_for(service).items()}
    )


class Exhibits:
    """Two timestamped exhibits of one case, sealed with real keys, stamped by the local authority."""

    def __init__(self, watch, objects, keyring, case):
        self.watch, self.objects, self.keyring, self.case = watch, objects, keyring, case
        self.exhibits = [ids.new(), ids.new()]
        self.facts = {}

    async def audited(self, exhibit, *, withdrawn=False):
        ledger, aggregate = Ledger(), f"evidence/exhibit/{exhibit}"
        for event in (*self.facts[exhibit], *([EvidenceWithdrawn(exhibit=exhibit)] if withdrawn else [])):
            self.watch.fact(Recorded(ids.new(), "evidence", aggregate, 1, clock.now(), self.case, event))
        await self.watch.end(aggregate, ledger)
        return ledger


async def _chunks(content):
    yield content


@pytest.fixture(scope="module")
async def exhibits(toys):
    settings = read_settings(toys, "evidence")
    intake = read_settings(toys, "intake")
    case = ids.new()
    async with contextlib.AsyncExitStack() as stack:
        makes = await stack.enter_async_context(Keyring(intake.keyring, intake.keyring_token.get_secret_value()))
        keyring = await stack.enter_async_context(Keyring(settings.keyring, settings.keyring_token.get_secret_value()))
        objects = await stack.enter_async_context(objects_of(settings, "evidence"))
        http = await stack.enter_async_context(httpx.AsyncClient(trust_env=False))
        recipient = (await makes.create_case_keys(case))[Purpose.EVIDENCE]
        store = store_of(toy.NOTIFY, settings)
        stack.callback(store.close)
        source = Source(toy.NOTIFY, settings, store, objects)
        chain = settings.tsa_chain.read_bytes()
        made = Exhibits(Timestamps(source, keyring, chain, exhibits=True), objects, makes, case)
        for exhibit in made.exhibits:
            content, salt = exhibit.encode(), new_salt()
            digest = hashlib.sha256(content).digest()
            token = await timestamps.fetch(http, settings.tsa[0], digest)
            facts = timestamps.verify(token.response, digest, chain)
            await objects.put(exhibit, seal_chunks(_chunks(content), recipient))
            await objects.put(f"{exhibit}.1.tsr", seal_chunks(_chunks(token.response), recipient))
            details = {"name": "x.png", "digest": digest.hex(), "salt": salt.hex(), "holder": "h"}
            made.facts[exhibit] = (
                EvidenceUploaded(
                    exhibit=exhibit,
                    commitment=commitment(salt, digest),
                    size=len(content),
                    media_type="image/png",
                    kind="screenshot",
                    grade="A",
                    uploader_role="victim",
                    sealed_details=seal(details, recipient),
                ),
                EvidenceTimestamped(
                    exhibit=exhibit,
                    gen_time=facts.gen_time,
                    authority=facts.authority,
                    policy=facts.policy,
                    qualification="unknown",
                    token=f"{exhibit}.1.tsr",
                ),
            )
        yield made


@contextlib.asynccontextmanager
async def replaced(objects, name, content):
    before = b"".join([chunk async for chunk in objects.get(name)])
    await objects.put(name, _chunks(content))
    try:
        yield
    finally:
        await objects.put(name, _chunks(before))


async def test_tokens_and_exhibits_are_verified_again(exhibits):
    for exhibit in exhibits.exhibits:
        ledger = await exhibits.audited(exhibit)
        assert not ledger.findings
        assert ledger.looked == {"exhibits' commitments": 1, "timestamp tokens": 1, "exhibits hashed again": 1}


async def test_a_token_swapped_for_another_exhibits_is_found(exhibits):
    one, other = exhibits.exhibits
    theirs = b"".join([chunk async for chunk in exhibits.objects.get(f"{other}.1.tsr")])
    async with replaced(exhibits.objects, f"{one}.1.tsr", theirs):
        [finding] = (await exhibits.audited(one)).findings
    assert finding.kind == "token-differs"
    assert "wrong-imprint" in finding.detail


async def test_an_exhibit_swapped_for_another_is_found(exhibits):
    one, other = exhibits.exhibits
    theirs = b"".join([chunk async for chunk in exhibits.objects.get(other)])
    async with replaced(exhibits.objects, one, theirs):
        [finding] = (await exhibits.audited(one)).findings
    assert finding.kind == "exhibit-differs"


async def test_a_token_that_is_gone_or_garbage_is_found(exhibits):
    one, _ = exhibits.exhibits
    async with replaced(exhibits.objects, f"{one}.1.tsr", base64.b64encode(b"garbage")):
        [finding] = (await exhibits.audited(one)).findings
        assert finding.kind == "token-differs"
        await exhibits.objects.delete(f"{one}.1.tsr")
        [finding] = (await exhibits.audited(one)).findings
        assert finding.kind == "object-unreadable"
        # The handle puts it back, which needs something to replace.
        await exhibits.objects.put(f"{one}.1.tsr", _chunks(b"x"))


async def test_withdrawn_exhibits_and_erased_cases_are_not_opened(exhibits):
    one, _ = exhibits.exhibits
    ledger = await exhibits.audited(one, withdrawn=True)
    assert ledger.notes == {"exhibits withdrawn or erased, not opened": 1}
    await exhibits.keyring.destroy_case_keys(exhibits.case)
    exhibits.watch._keyring.forget_case(exhibits.case)
    ledger = await exhibits.audited(one)
    assert not ledger.findings
    assert ledger.notes == {"exhibits of erased cases, not opened": 1}
