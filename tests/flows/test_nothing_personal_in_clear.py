"""After a whole case nothing of a person can be read where it must not: in no event, log, metric, store or name."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json

import httpx
import pytest

from deploy.demo.exhibits import FORUM, PLATFORM
from deploy.demo.particulars import COURT
from deploy.demo.people import GUARDIAN, SCHOOL, SEARCHED, VICTIM
from deploy.demo.story import PASSPHRASE
from deploy.embedded.site import SERVICES
from shared import clock, ids
from tests.flows.grep import Needles, digests, forms, leaves

pytestmark = pytest.mark.platform
TOLD = (
    *(COURT, "Parquet d’Exempleville", "26/00001", "1A 000 1", "PJ-0001", "12 rue des Lilas", "Exempleville"),
    *("Depuis une semaine, un groupe", "sommeil perdu", "infirmière scolaire", "livret de famille"),
    *("Me Alix Exemple", "Dr Morgane Exemple", "Témoin-Exemple", "Mandat 2026-001", "Le dossier est solide"),
    *("https://papotis.example/salons/4e-b-les-vrais", "papotis.example", "lepreau.example", PLATFORM, FORUM),
    *(SCHOOL, "Jeanne-Valcourt", VICTIM.last_name, VICTIM.first_name, GUARDIAN.first_name),
    *(VICTIM.birth_day.isoformat(), GUARDIAN.birth_day.isoformat(), "collégienne", "To be forgotten", PASSPHRASE),
    '"cents":300000',
)
"""What the people of the story say beside their names: typed into forms, declared of files, judged."""


@pytest.fixture(scope="module")
def needles(played):
    samples = list(played.exhibits.values())
    texts = {
        *SEARCHED,
        *TOLD,
        *(
            text
            for one in samples
            for text in (one.name, one.declared.words, one.declared.author, one.declared.url or "")
        ),
    }
    hashes = [hashlib.sha256(one.content).digest() for one in samples]
    return Needles(texts, hashes, {*(f"{one.declared.hour:%H:%M}" for one in samples), "14:30"})


@pytest.fixture(scope="module", autouse=True)
async def all_is_said(everything, played):
    await everything.quiet()


def test_the_search_finds_what_is_planted(needles, played, tmp_path):
    """In whatever form; a search that finds nothing anywhere would prove nothing."""
    sample = next(iter(played.exhibits.values()))
    for text in (*SEARCHED, *TOLD, sample.declared.words, sample.name):
        for form in forms(text):
            assert needles.in_bytes(b"\x00before " + form + b" after"), (text, form)
    for form in digests(hashlib.sha256(sample.content).digest()):
        assert needles.in_bytes(b"{" + form + b"}")
    for hour in (b'{"hour":"21:47"}', b'{"hour":"14:30:00"}', "à 14:30 en salle".encode()):
        assert needles.in_bytes(hour), hour
    for innocent in (
        b"2026-11-22T14:30:12.5Z",
        b"2026-11-22 21:47:03 INFO",
        b"started 2026-11-22 14:30:36",
        b"age1",
        b"",
    ):
        assert needles.in_bytes(innocent) == set()


class _Leaking:
    """What a store looks like from outside when a service wrote too much into it."""

    def __init__(self, *documents):
        self._documents = documents

    def databases(self):
        return {"recours_notify": {"jobs": self}}

    def find(self, _query):
        return iter(self._documents)


@pytest.mark.parametrize(
    "document",
    [
        {"payload": [{"to": GUARDIAN.name}]},
        {"seen": {GUARDIAN.email: 1}},
        {"body": GUARDIAN.phone.encode("utf-16-le")},
        {"state": json.dumps({"facts": base64.b64encode(f"sent to {SCHOOL}".encode()).decode()})},
        {"sealed": base64.b64encode(b'{"a":"' + base64.b64encode(VICTIM.email.encode()) + b'"}').decode()},
    ],
    ids=["a value", "a key", "bytes", "base64 in JSON", "base64 in base64"],
)
def test_a_leak_in_a_store_would_be_seen(needles, document):
    leaking = _Leaking({"_id": ids.new(), "case": ids.new()}, document)
    assert set(_in_stores(needles, leaking)) == {"recours_notify.jobs"}
    assert _in_stores(needles, _Leaking({"_id": ids.new(), "at": clock.now(), "attempt": 1})) == {}


@pytest.mark.parametrize("place", ["logs/planted.log", "objects/data/planted"])
@pytest.mark.parametrize("form", sorted(forms(GUARDIAN.name)), ids=repr)
def test_a_leak_in_a_file_would_be_seen(needles, tmp_path, place, form):
    for name in (place, "mails/1.eml", "logs/innocent.log"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"mail sent\n")
    (tmp_path / place).write_bytes(b'{"event":"mail-sent","to":"' + form + b'"}\n')
    assert set(_in_files(needles, tmp_path)) == {place}


async def test_no_event_says_anything_of_a_person(needles, everything):
    records = await everything.records()
    assert len(records) > 80
    found: dict[str, set[str]] = {}
    for one in records:
        content = b"\n".join((one.key, one.body, *(name.encode() + b": " + value for name, value in one.headers)))
        found |= {f"{one.topic}/{one.partition}/{one.offset}": seen for seen in [needles.in_bytes(content)] if seen}
    assert found == {}


async def test_no_store_can_be_read(needles, everything):
    stores = {name for name in everything.databases() if name.startswith("recours_")}
    assert stores >= {f"recours_{service}" for service in SERVICES}
    assert await asyncio.to_thread(_in_stores, needles, everything) == {}


def _in_stores(needles, everything) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, collections in everything.databases().items():
        for collection, documents in collections.items():
            content = b"\n".join(leaf for one in documents.find({}) for leaf in leaves(one))
            found |= {f"{name}.{collection}": seen for seen in [needles.in_bytes(content)] if seen}
    return found


async def test_no_object_s_name_says_anything(needles, everything):
    names = await asyncio.to_thread(everything.object_names)
    assert len(names) > 10
    assert needles.in_bytes("\n".join(names).encode()) == set()


def processes(engines) -> list[str]:
    return [process for service in SERVICES for process in engines.replicas_of(service)]


async def test_no_metric_says_anything(needles, platform, engines):
    async with httpx.AsyncClient(trust_env=False) as operator:
        for process in processes(engines):
            answer = await operator.get(f"{platform.site.url(process)}/metrics")
            assert answer.status_code == 200
            assert b"recours_" in answer.content
            assert needles.in_bytes(answer.content) == set(), process


async def test_no_file_of_the_platform_says_anything_but_the_mails(needles, platform):
    """Logs, the keyring's audit, platform.json, settings, the payment page's ledger, sealed objects, the raw stores."""
    texts = _texts(platform.data)
    assert {"logs/intake.log", "logs/gateway.log", "keyring/audit.jsonl", "platform.json"} <= set(texts)
    assert not [name for name in texts if name.startswith("mails/")]
    assert await asyncio.to_thread(_in_files, needles, platform.data) == {}


async def test_the_mails_do_hold_the_person_s_own_address(needles, platform):
    content = b"\n".join(path.read_bytes() for path in platform.site.mails.glob("*.eml"))
    assert GUARDIAN.email in needles.in_bytes(content)


def _in_files(needles, directory) -> dict[str, set[str]]:
    """Texts are read layer by layer; grep goes over everything, and what it suspects is read the same way."""
    suspected = needles.in_directory(directory, but="mails")
    looked = {name: directory / name for name in {*_texts(directory), *suspected}}
    # A file may go between the listing and the look: engines compact theirs.
    found = {name: needles.in_bytes(path.read_bytes()) for name, path in looked.items() if path.is_file()}
    return {name: seen for name, seen in found.items() if seen}


def _texts(directory) -> list[str]:
    """What people read on the machine: everything but mails and the files of the engines' own formats."""
    every = (path.relative_to(directory) for path in directory.rglob("*") if path.is_file())
    own = {"mails", "objects", "bus", "store", "raft"}
    return sorted(path.as_posix() for path in every if not own & set(path.parts))


def test_every_log_line_is_json_of_fields_that_say_nothing_of_a_person(platform, engines):
    """The services' logs are structured: what is free text in them would be somebody's words one day."""
    structure = {"event", "logger", "level", "timestamp", "service", "replica"}
    allowed = structure | {"at", "kind", "code", "count", "error", "frames", "status", "method", "trace_id", "span_id"}
    for process in processes(engines):
        for line in (platform.data / "logs" / f"{process}.log").read_text().splitlines():
            said = json.loads(line)
            assert process in engines.replicas_of(said["service"])
            assert clock.now().year >= int(said["timestamp"][:4])
            assert set(said) - allowed == set(), sorted(set(said) - allowed)
