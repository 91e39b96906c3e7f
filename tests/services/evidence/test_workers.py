from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

import httpx
import pytest

from deploy.embedded.timestamp_authority import Authority
from services.evidence.domain.exhibit import ObjectsDeleted, TimestampImpossible
from services.evidence.service import service
from shared.contracts.everyone import ErasureCleared
from shared.contracts.evidence import EvidenceRefused, EvidenceTimestamped, EvidenceUploaded, EvidenceWithdrawn
from shared.contracts.legal import HoldLifted, HoldPlaced
from shared.errors import Unavailable
from shared.runtime.declaration import Impossible, Postponed
from shared.settings import Settings
from shared.trust import timestamps
from tests.given import CASE, followed
from tests.laws import AGE_MARK
from tests.services.evidence.facts import ERASED, PLANNED, upload
from tests.services.evidence.stand_in import AT, PNG, VICTIM, client, known, said

GOOD, BAD, AWAY, OTHER = "http://good.test/", "http://bad.test/", "http://away.test/", "http://other.test/"
REPLY = {"content-type": "application/timestamp-reply"}


@pytest.fixture(scope="module")
def authorities():
    with tempfile.TemporaryDirectory(prefix="recours-tsa-") as home:
        good, other = Authority(Path(home) / "good"), Authority(Path(home) / "other")
        chain = Path(home) / "chain.pem"
        chain.write_bytes(good.chain_pem)
        yield good, other, chain
        good.close()
        other.close()


@pytest.fixture
async def running(authorities):
    """A case with one exhibit; the authorities of the settings are asked in process."""
    good, other, chain = authorities

    def answer(request: httpx.Request) -> httpx.Response:
        one.asked.append(str(request.url))
        match str(request.url):
            case str(url) if url == GOOD:
                return httpx.Response(200, content=good.answer(request.content), headers=REPLY)
            case str(url) if url == OTHER:
                return httpx.Response(200, content=other.answer(request.content), headers=REPLY)
            case str(url) if url == BAD:
                return httpx.Response(200, content=b"garbage", headers=REPLY)
            case _:
                raise httpx.ConnectError("away")

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        one = known(http=http, settings=Settings(tsa=(AWAY, BAD, OTHER, GOOD), tsa_chain=chain))
        async with client(one) as web:
            told = await web.post(AT, content=PNG, headers={**VICTIM, **said()})
        one.exhibit = told.json()["exhibit"]
        yield one


async def test_an_exhibit_is_timestamped_by_the_first_authority_that_holds(running, authorities):
    await running.works("timestamp")
    (event,) = running.said(EvidenceTimestamped)
    assert running.asked == [AWAY, BAD, OTHER, GOOD]
    assert event.qualification in {"unknown", "not-qualified"}
    assert event.token == f"{running.exhibit}.1.tsr"
    digest = hashlib.sha256(PNG).digest()
    assert digest not in running.objects.kept[event.token]
    async with client(running) as web:
        answer = await web.get(f"{AT}/{running.exhibit}/token", headers=VICTIM)
    assert answer.headers["content-type"] == "application/timestamp-reply"
    assert answer.headers["content-disposition"].endswith("capture.png.tsr")
    facts = timestamps.verify(answer.content, digest, authorities[0].chain_pem)
    assert (facts.gen_time, facts.authority, facts.policy) == (event.gen_time, event.authority, event.policy)


async def test_a_double_never_overwrites_the_token_that_was_recorded(running):
    attempt = running.attempt("timestamp", number=1)
    late = await service.worker("timestamp").run(attempt, running)
    await running.works("timestamp", number=2)
    for command in late:
        await running.carry_out(command)
    (event,) = running.said(EvidenceTimestamped)
    assert event.token == f"{running.exhibit}.2.tsr"
    assert {f"{running.exhibit}.1.tsr", event.token} <= set(running.objects.kept)


async def test_an_outage_of_all_authorities_is_waited_for(running, authorities):
    running.settings = Settings(tsa=(AWAY, BAD), tsa_chain=authorities[2])
    with pytest.raises(Unavailable, match=r"unavailable, garbage"):
        await running.works("timestamp")
    assert service.worker("timestamp").attempts > 100_000


@pytest.mark.parametrize("settings", [Settings(), Settings(tsa=(GOOD,), tsa_chain=Path("/nowhere/chain.pem"))])
async def test_no_authority_configured_says_what_to_set(running, settings):
    running.settings = settings
    with pytest.raises(Unavailable, match="RECOURS_TSA"):
        await running.works("timestamp")


async def test_an_authority_that_hangs_is_passed_over(running, authorities, monkeypatch):
    import asyncio

    monkeypatch.setattr("services.evidence.workers.AUTHORITY_SECONDS", 0.05)

    async def hangs(_client, _url, _digest):
        await asyncio.Event().wait()

    monkeypatch.setattr(timestamps, "fetch", hangs)
    running.settings = Settings(tsa=(GOOD,), tsa_chain=authorities[2])
    with pytest.raises(Unavailable, match="too-slow"):
        await running.works("timestamp")


async def test_a_digest_that_cannot_be_read_ends_the_asking():
    running = known()
    await running.carry_out(upload())
    attempt = running.attempt("timestamp")
    worker = service.worker("timestamp")
    with pytest.raises(Impossible) as impossible:
        await worker.run(attempt, running)
    await running.carry_out(worker.given_up(attempt, impossible.value.reason))
    assert [one.reason for one in running.said(EvidenceRefused)] == ["details-unreadable"]


async def test_a_withdrawn_exhibit_is_not_timestamped(running):
    async with client(running) as web:
        await web.post(f"{AT}/{running.exhibit}/withdrawal", headers=VICTIM)
    commands = await service.worker("timestamp").run(running.attempt("timestamp"), running)
    assert commands == (TimestampImpossible(case=CASE, exhibit=running.exhibit, reason="not-needed"),)
    assert running.asked == []
    assert (await running.carry_out(commands[0])).events == ()


async def test_deleting_takes_the_bytes_and_every_token(running):
    await running.works("timestamp")
    running.objects.kept["33333333-kept"] = b"another's"
    async with client(running) as web:
        await web.post(f"{AT}/{running.exhibit}/withdrawal", headers=VICTIM)
    await running.works("delete-objects")
    assert set(running.objects.kept) == {"33333333-kept"}
    worker = service.worker("delete-objects")
    given_up = worker.given_up(running.attempt("delete-objects"), "attempts-exhausted")
    assert given_up == ObjectsDeleted(case=CASE, exhibit=running.exhibit)


async def test_bytes_of_a_withdrawn_exhibit_that_a_restored_bucket_holds_again_are_deleted_again(running):
    [lasting] = service.lasting
    withdrawn = followed(EvidenceWithdrawn(exhibit=running.exhibit))
    running.objects.kept |= {f"{running.exhibit}.2.tsr": b"token", "33333333-kept": b"another's"}
    assert await lasting.again(withdrawn, running) == "bytes-of-withdrawn-exhibit"
    assert set(running.objects.kept) == {"33333333-kept"}
    assert await lasting.again(withdrawn, running) == ""


async def many(running, count):
    async with client(running) as web:
        for _ in range(count):
            await web.post(AT, content=PNG, headers={**VICTIM, **said()})


async def test_a_forgotten_case_leaves_neither_bytes_nor_anything_sealed(running):
    await many(running, 19)
    await running.works("timestamp")
    async with client(running) as web:
        await web.post(f"{AT}/{running.exhibit}/withdrawal", headers=VICTIM)
    running.hears(PLANNED)
    await running.works("clear-exhibits")
    assert running.objects.kept == {}
    assert running.said(ErasureCleared) == [ErasureCleared(erasure="erasure-1", kept={"exhibit-tombstone": 20})]
    assert sum(one.reason == "erased" for one in running.said(EvidenceWithdrawn)) == 19
    running.hears(ERASED)
    assert not any(AGE_MARK in one.state.model_dump_json() for one in running.loaded.values())
    jobs = len(running.jobs)
    running.hears(PLANNED)
    assert [job.kind for _, job in running.jobs[jobs:]] == []


async def test_clearing_goes_on_where_an_outage_stopped_it(running):
    await many(running, 3)
    running.hears(PLANNED)
    running.objects.away = Unavailable("away")
    with pytest.raises(ExceptionGroup):
        await running.works("clear-exhibits")
    assert running.said(ErasureCleared) == []
    running.objects.away = None
    await running.works("clear-exhibits")
    assert running.objects.kept == {}
    assert len(running.said(EvidenceUploaded)) == len(running.said(EvidenceWithdrawn)) == 4
    assert len(running.said(ErasureCleared)) == 1


async def test_a_hold_keeps_every_byte(running):
    running.hears(PLANNED)
    running.hears(HoldPlaced(hold="hold-1", reason="proceedings"))
    with pytest.raises(Postponed):
        await running.works("clear-exhibits")
    assert set(running.objects.kept) == {running.exhibit}
    running.hears(HoldLifted(hold="hold-1"))
    await running.works("clear-exhibits")
    assert running.objects.kept == {}


async def test_a_hold_that_comes_in_between_stops_the_clearing(running):
    running.hears(PLANNED)
    found = running.children

    async def then_held(aggregate, case):
        children = await found(aggregate, case)
        running.hears(HoldPlaced(hold="hold-1", reason="proceedings"))
        return children

    running.children = then_held
    with pytest.raises(Postponed):
        await running.works("clear-exhibits")
    assert set(running.objects.kept) == {running.exhibit}


async def test_a_clearing_that_never_succeeds_is_objected_to(running):
    running.hears(PLANNED)
    worker = service.worker("clear-exhibits")
    done = await running.carry_out(worker.given_up(running.attempt("clear-exhibits"), "attempts-exhausted"))
    assert [one.event.reason for one in done.events] == ["deletion-failed"]
