from __future__ import annotations

import asyncio
import hashlib
from typing import Any

import pytest

from services.evidence.receiving import Limits, Reception, receive
from shared.contracts.everyone import RecordViewed
from shared.contracts.evidence import EvidenceUploaded, EvidenceWithdrawn
from shared.contracts.legal import HoldPlaced
from shared.errors import Refused, Unavailable
from shared.trust.sealing import commitment, open_sealed
from tests.services.evidence.facts import CLOSED, IDENTITY, OPENED, PLANNED, granted, revoked, upload
from tests.services.evidence.stand_in import (
    AT,
    GUARDIAN,
    INSTITUTION,
    PAGE,
    PEOPLE,
    PNG,
    STAFF,
    VICTIM,
    WITNESS,
    Bucket,
    bearer,
    client,
    known,
    said,
)

OTHER_CASE = "99999999-9999-4999-8999-999999999999"


async def deposited(running, who=VICTIM, content=PNG, **given):
    async with client(running) as web:
        answer = await web.post(AT, content=content, headers={**who, **said(**given)})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def code_of(running, *, content=PNG, headers=None, url=AT):
    async with client(running) as web:
        answer = await web.post(url, content=content, headers=headers or {**VICTIM, **said()})
    return answer.status_code, answer.json().get("code")


async def test_a_deposit_is_hashed_sealed_stored_and_told():
    running = known()
    told = await deposited(running, shows=["date", "author", "content"], day="2026-11-20", hour="21:04", author="@x")
    assert told["digest"] == hashlib.sha256(PNG).hexdigest()
    assert (told["size"], told["media_type"], told["grade"]) == (len(PNG), "image/png", "B")
    assert told["missing"] == ["hour", "address"]
    (event,) = running.said(EvidenceUploaded)
    details = open_sealed(event.sealed_details, IDENTITY.secret)
    assert (details["holder"], details["hour"], details["author"]) == ("holder-v", "21:04", "@x")
    assert event.commitment == commitment(bytes.fromhex(details["salt"]), hashlib.sha256(PNG).digest())
    (stored,) = running.objects.kept.values()
    assert PNG[:64] not in stored
    assert stored.startswith(b"age-encryption.org/v1")
    clear = event.model_dump_json(exclude={"sealed_details"})
    assert told["digest"] not in clear
    assert "capture" not in clear
    assert "holder-v" not in clear


async def test_the_content_says_what_a_file_is_and_nothing_else_does():
    running = known()
    headers = {**VICTIM, **said(kind="audio", name="voice.mp3"), "Content-Type": "audio/mpeg"}
    async with client(running) as web:
        answer = await web.post(AT, content=PNG, headers=headers)
    assert answer.json()["media_type"] == "image/png"


@pytest.mark.parametrize("answer", [True, "yes", 1])
@pytest.mark.parametrize("kind", ["photo", "wrong"])
async def test_what_may_show_a_minor_is_never_taken_in(answer, kind):
    running = known()

    async def file():
        raise AssertionError("the body was read")
        yield b""

    async with client(running) as web:
        refusal = await web.post(
            AT, content=file(), headers={**VICTIM, **said(may_show_minor_sexually=answer, kind=kind)}
        )
    assert refusal.status_code == 422
    assert refusal.json()["code"] == "may-show-a-minor"
    assert "3018" in refusal.json()["detail"]
    assert "PHAROS" in refusal.json()["detail"]
    assert running.objects.kept == {}
    assert running.events == []


@pytest.mark.parametrize("headers", [{}, {"Recours-Exhibit": '{"kind": "photo"}'}, said(may_show_minor_sexually=None)])
async def test_the_question_about_minors_must_be_answered(headers):
    running = known()
    assert await code_of(running, headers={**VICTIM, **headers}) == (422, "ask-first")
    assert running.objects.kept == {}


@pytest.mark.parametrize(
    ("declaration", "field"),
    [
        ({"kind": "exe"}, "kind"),
        ({"day": "2026-02-30"}, "day"),
        ({"hour": "25:00"}, "hour"),
        ({"author": "x" * 201}, "author"),
        ({"surprise": 1}, None),
        ({"name": "n" * 5000}, "name"),
    ],
)
async def test_a_wrong_declaration_names_its_field_and_echoes_nothing(declaration, field):
    running = known()
    async with client(running) as web:
        answer = await web.post(AT, content=PNG, headers={**VICTIM, **said(**declaration)})
    assert answer.status_code == 422
    assert answer.json().get("field") == field
    assert "surprise" not in answer.text
    assert running.objects.kept == {}


@pytest.mark.parametrize("raw", ["{", "[]", "null", "é", "x" * 20_000])
async def test_a_declaration_that_is_none_is_refused(raw):
    status, _ = await code_of(known(), headers={**VICTIM, "Recours-Exhibit": raw.encode("latin-1")})
    assert status == 422


@pytest.mark.parametrize(
    ("content", "code"), [(b"", "empty-file"), (b"MZ" + b"\0" * 58 + b"\x40\0\0\0PE\0\0", "program")]
)
async def test_a_file_that_proves_nothing_is_refused(content, code):
    running = known()
    assert await code_of(running, content=content) == (422, code)
    assert running.objects.kept == {}
    assert running.events == []


@pytest.mark.parametrize("length", ["3", "30000"])
async def test_a_length_that_lies_is_refused(length):
    running = known()
    assert await code_of(running, headers={**VICTIM, **said(), "Content-Length": length}) == (422, "length-differs")
    assert running.objects.kept == {}


async def chunked(*chunks):
    for chunk in chunks:
        yield chunk


async def test_a_file_over_the_limit_is_refused_before_or_while_it_comes():
    running = known()
    running.tools = Reception(Limits(max_bytes=1000))
    assert await code_of(running, content=b"x" * 1001) == (413, "too-large")
    assert await code_of(running, content=chunked(b"x" * 600, b"x" * 600)) == (413, "too-large")
    assert running.objects.kept == {}
    assert (await code_of(running, content=b"x" * 1000))[0] == 201


async def test_an_upload_that_stalls_is_given_up():
    async def stalls():
        yield PNG
        await asyncio.Event().wait()

    bucket: Any = Bucket()
    with pytest.raises(Refused) as refusal:
        await receive(bucket, stalls(), name="e", recipient=IDENTITY.recipient, limits=Limits(idle_seconds=0.05))
    assert refusal.value.code == "too-slow"
    assert bucket.kept == {}


async def test_only_so_many_uploads_come_in_at_once():
    running = known()
    running.tools = Reception(Limits(at_once=1), under_way=1)
    assert await code_of(running) == (503, "unavailable")
    running.tools.under_way = 0
    assert (await code_of(running))[0] == 201
    assert running.tools.under_way == 0


async def test_what_the_domain_refuses_leaves_no_bytes():
    running = known()
    running.failing = Unavailable("the store is away")
    assert await code_of(running) == (503, "unavailable")
    assert running.objects.kept == {}


async def test_bytes_stay_when_nobody_knows_whether_the_command_was_stored():
    running = known()
    running.failing = RuntimeError("unknown")
    assert (await code_of(running))[0] == 500
    assert len(running.objects.kept) == 1


async def test_an_object_server_that_is_away_is_said():
    running = known()
    running.objects.away = Unavailable("away", retry_after=5)
    async with client(running) as web:
        answer = await web.post(AT, content=PNG, headers={**VICTIM, **said()})
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert running.events == []


async def test_a_repeated_upload_gets_the_first_answer():
    running = known()
    headers = {**VICTIM, **said(), "Idempotency-Key": "0123456789abcdef"}
    async with client(running) as web:
        first = await web.post(AT, content=PNG, headers=headers)
        second = await web.post(AT, content=PNG, headers=headers)
    assert first.json() == second.json()
    assert second.headers["idempotency-replayed"] == "true"
    assert len(running.objects.kept) == len(running.said(EvidenceUploaded)) == 1


@pytest.mark.parametrize("fact", [CLOSED, PLANNED])
async def test_a_case_that_ends_refuses_before_the_first_byte(fact):
    running = known().hears(fact)
    assert (await code_of(running))[0] == 409
    assert running.objects.kept == {}


@pytest.mark.parametrize(
    "who",
    [
        {},
        bearer("stranger", "victim"),
        bearer("holder-v", "victim", OTHER_CASE),
        bearer("staff-accountant", "accountant", None),
    ],
)
async def test_who_has_no_place_in_the_case_deposits_and_reads_nothing(who):
    running = known()
    told = await deposited(running)
    async with client(running) as web:
        for answer in (
            await web.post(AT, content=PNG, headers={**who, **said()}),
            await web.get(AT, headers=who),
            await web.get(f"{AT}/{told['exhibit']}/original", headers=who),
            await web.get(f"{AT}/{told['exhibit']}/token", headers=who),
            await web.post(f"{AT}/{told['exhibit']}/withdrawal", headers=who),
            await web.get(PAGE, headers=who),
        ):
            assert answer.status_code in {401, 404}
    assert running.said(RecordViewed) == []


async def test_a_service_that_is_behind_says_try_again():
    async with client(known()) as web:
        answer = await web.get(AT, headers=bearer(sequence=50))
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"


async def listed(running, who):
    async with client(running) as web:
        answer = await web.get(AT, headers=who)
    assert answer.status_code == 200, answer.text
    return answer.json()["exhibits"]


async def test_the_victims_side_sees_all_and_the_others_their_own():
    running = known()
    mine = await deposited(running)
    witnessed = await deposited(running, WITNESS)
    schools = await deposited(running, INSTITUTION)
    every = {one["exhibit"] for one in (mine, witnessed, schools)}
    for who in (VICTIM, GUARDIAN, STAFF):
        assert {one["exhibit"] for one in await listed(running, who)} == every
    assert [one["exhibit"] for one in await listed(running, WITNESS)] == [witnessed["exhibit"]]
    assert [one["exhibit"] for one in await listed(running, INSTITUTION)] == [schools["exhibit"]]


@pytest.mark.parametrize("fact", [granted("guardian", "holder-g", status="frozen"), revoked("holder-g")])
async def test_a_frozen_or_revoked_guardian_sees_nothing(fact):
    running = known()
    await deposited(running)
    running.hears(fact)
    async with client(running) as web:
        assert (await web.get(AT, headers=GUARDIAN)).status_code == 404


async def test_a_copy_is_the_same_bytes_as_an_attachment_and_is_in_the_ledger():
    running = known()
    told = await deposited(running, name="../../é\u202egnp.exe")
    async with client(running) as web:
        answer = await web.get(f"{AT}/{told['exhibit']}/original", headers=STAFF)
    assert answer.content == PNG
    assert answer.headers["content-length"] == str(len(PNG))
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-disposition"] == "attachment; filename=\"_gnp.png\"; filename*=UTF-8''%C3%A9gnp.png"
    assert running.said(RecordViewed) == [
        RecordViewed(viewer="staff-lawyer", role="lawyer", record="exhibit", record_id=told["exhibit"])
    ]


async def test_a_page_is_given_back_as_bytes_that_no_browser_runs():
    running = known()
    told = await deposited(running, content=b"<html><script>alert(1)</script></html>", name="page.html")
    async with client(running) as web:
        answer = await web.get(f"{AT}/{told['exhibit']}/original", headers=VICTIM)
    assert answer.headers["content-type"] == "application/octet-stream"
    assert 'filename="page.html"' in answer.headers["content-disposition"]


async def test_a_witness_takes_no_copy_of_what_others_deposited():
    running = known()
    told = await deposited(running)
    async with client(running) as web:
        assert (await web.get(f"{AT}/{told['exhibit']}/original", headers=WITNESS)).status_code == 404
    assert running.said(RecordViewed) == []


async def test_an_exhibit_is_found_in_its_own_case_only():
    running = known()
    told = await deposited(running)
    running.sequence = 0
    running.hears(OPENED, *PEOPLE, case=OTHER_CASE)
    other = bearer(case=OTHER_CASE)
    async with client(running) as web:
        at = f"/evidence/api/cases/{OTHER_CASE}/exhibits/{told['exhibit']}"
        assert (await web.get(f"{at}/original", headers=other)).status_code == 404
        assert (await web.post(f"{at}/withdrawal", headers=other)).status_code == 404


async def test_altered_bytes_are_not_given_back():
    running = known()
    told = await deposited(running)
    (name,) = running.objects.kept
    stored = bytearray(running.objects.kept[name])
    stored[-1] ^= 1
    running.objects.kept[name] = bytes(stored)
    async with client(running) as web:
        answer = await web.get(f"{AT}/{told['exhibit']}/original", headers=VICTIM)
    assert answer.status_code == 400
    assert PNG[:20] not in answer.content


async def test_bytes_that_are_gone_are_not_in_the_ledger():
    running = known()
    told = await deposited(running)
    running.objects.kept.clear()
    async with client(running) as web:
        assert (await web.get(f"{AT}/{told['exhibit']}/original", headers=VICTIM)).status_code == 404
    assert running.said(RecordViewed) == []


async def test_a_token_is_not_there_before_it_was_obtained():
    running = known()
    told = await deposited(running)
    async with client(running) as web:
        answer = await web.get(f"{AT}/{told['exhibit']}/token", headers=VICTIM)
    assert answer.status_code == 404


@pytest.mark.parametrize(("who", "status"), [(VICTIM, 204), (WITNESS, 204), (STAFF, 404), (INSTITUTION, 404)])
async def test_the_depositor_or_the_victim_takes_an_exhibit_back(who, status):
    running = known()
    told = await deposited(running, WITNESS)
    async with client(running) as web:
        for _ in range(2):
            answer = await web.post(f"{AT}/{told['exhibit']}/withdrawal", headers=who)
            assert answer.status_code == status
    assert len(running.said(EvidenceWithdrawn)) == (1 if status == 204 else 0)
    if status == 204:
        await running.works("delete-objects")
        assert running.objects.kept == {}
        assert await listed(running, VICTIM) == []


async def test_a_hold_is_said_when_somebody_withdraws():
    running = known()
    told = await deposited(running)
    running.hears(HoldPlaced(hold="hold-1", reason="proceedings"))
    async with client(running) as web:
        answer = await web.post(f"{AT}/{told['exhibit']}/withdrawal", headers=VICTIM)
    assert (answer.status_code, answer.json()["code"]) == (409, "on-hold")


async def test_one_exhibit_that_cannot_be_opened_does_not_hide_the_others():
    running = known()
    told = await deposited(running)
    await running.carry_out(upload())
    assert [one["exhibit"] for one in await listed(running, VICTIM)] == [told["exhibit"]]
    running.destroyed = True
    assert await listed(running, VICTIM) == []
