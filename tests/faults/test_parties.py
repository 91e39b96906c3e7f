"""Outside parties that lie, are late or are away, against the real evidence and notify services on real engines."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from email import message_from_bytes, policy

import httpx
import pytest
from asn1crypto import tsp

from shared import ids
from shared.contracts.intake import AccessGranted, CaseOpened, Facets
from shared.trust import timestamps
from shared.trust.sealing import seal
from tests.faults.loopback import answering
from tests.faults.proxy import Proxy
from tests.services.evidence.stand_in import PNG, said
from tests.services.evidence.test_on_processes import Intake
from tests.services.running import running
from tests.shared.runtime.processes import until

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]
LIES = ("down", "busy", "cut", "garbage", "rejection", "wrong-nonce", "wrong-imprint", "slow")

REJECTION = bytes.fromhex("30053003020102")
"""TimeStampResp { PKIStatusInfo { status rejection(2) } }."""


def service(bed, name: str, **settings: str) -> AbstractAsyncContextManager[httpx.AsyncClient]:
    """A real service behind the bed's proxies, and an HTTP client of it."""
    return running(bed.platform, name, RECOURS_BUS=bed.bus_address, **settings)


class LyingAuthority:
    """Before the platform's own authority: each digest's first request is answered by a lie, the others honestly."""

    def __init__(self, honest: str) -> None:
        self.told: Counter[str] = Counter()
        self._honest = honest
        self._seen: set[bytes] = set()
        self._lies = list(LIES)

    async def answer(self, body: bytes) -> bytes:
        query = tsp.TimeStampReq.load(body)
        digest = query["message_imprint"]["hashed_message"].native
        lie = "" if digest in self._seen or not self._lies else self._lies.pop(0)
        self._seen.add(digest)
        self.told[lie or "truth"] += 1
        if lie == "down":
            return b""
        status, token = await self._token(query, lie)
        about = f"HTTP/1.1 {status} .\r\ncontent-type: application/timestamp-reply\r\nconnection: close\r\n"
        head = f"{about}content-length: {len(token)}\r\n\r\n".encode()
        return head + (token[: len(token) // 2] if lie == "cut" else token)

    async def _token(self, query: tsp.TimeStampReq, lie: str) -> tuple[int, bytes]:
        asked = query.copy()
        match lie:
            case "busy":
                return 503, b"later"
            case "garbage":
                return 200, os.urandom(600)
            case "rejection":
                return 200, REJECTION
            case "wrong-nonce":
                asked["nonce"] = query["nonce"].native ^ 1
            case "wrong-imprint":
                other = bytes(one ^ 1 for one in query["message_imprint"]["hashed_message"].native)
                asked["message_imprint"] = {"hash_algorithm": {"algorithm": "sha256"}, "hashed_message": other}
            case "slow":
                await asyncio.sleep(25)  # longer than an authority is waited for
        async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
            kind = {"Content-Type": timestamps.QUERY_TYPE}
            answer = await client.post(self._honest, content=asked.dump(force=True), headers=kind)
        return answer.status_code, answer.content


async def opened(intake: Intake, **contact: object) -> None:
    recipients = {str(one): key for one, key in (await intake.keyring.create_case_keys(intake.case)).items()}
    sealed = seal(contact, recipients["contact"]) if contact else None
    facets = Facets(persona="victim")
    await intake.says(CaseOpened(facets=facets, locator="0" * 64, recipients=recipients, sealed_contact=sealed))
    await intake.says(AccessGranted(access=ids.new(), role="victim", holder="holder-v"))


async def test_a_timestamp_authority_that_lies_is_asked_again_until_its_token_holds(bed, measured):
    authority = LyingAuthority(bed.platform.settings_for("evidence")["RECOURS_TSA"])
    async with (
        answering(authority.answer) as url,
        Intake(bed.platform) as intake,
        service(bed, "evidence", RECOURS_TSA=f"{url}/") as evidence,
    ):
        await opened(intake)
        at = f"/evidence/api/cases/{intake.case}/exhibits"

        async def exhibits():
            answer = await evidence.get(at, headers=intake.session())
            return answer.json()["exhibits"] if answer.status_code == 200 else None

        async def readable():
            return await exhibits() is not None

        await until(readable)
        digests = {}
        for number in range(len(LIES)):
            told = await evidence.post(at, content=PNG + bytes([number]), headers={**intake.session(), **said()})
            assert told.status_code == 201, told.text
            digests[told.json()["exhibit"]] = bytes.fromhex(told.json()["digest"])
        begin = asyncio.get_running_loop().time()

        async def all_stamped():
            found = await exhibits()
            return found and all(one["timestamp"] for one in found)

        await until(all_stamped, 120)
        measured(asyncio.get_running_loop().time() - begin)
        assert {lie: authority.told[lie] for lie in LIES} == dict.fromkeys(LIES, 1)
        chain = intake.settings.tsa_chain
        assert chain
        for exhibit, digest in digests.items():
            token = await evidence.get(f"{at}/{exhibit}/token", headers=intake.session())
            assert timestamps.verify(token.content, digest, chain.read_bytes()).gen_time
    assert bed.database("evidence")["events"].count_documents({"topic": "evidence-timestamped"}) == len(LIES)


async def test_the_object_store_goes_away_in_the_middle_of_an_upload(bed, measured):
    """The person is told to try again, nothing half is recorded, and the same file goes in once it is back."""
    async with (
        Proxy(bed.platform.site.ports["objects"]) as objects,
        Intake(bed.platform) as intake,
        service(bed, "evidence", RECOURS_OBJECTS=f"127.0.0.1:{objects.port}") as evidence,
    ):
        await opened(intake)
        at = f"/evidence/api/cases/{intake.case}/exhibits"
        session = intake.session

        async def readable():
            return (await evidence.get(at, headers=session())).status_code == 200

        await until(readable)
        whole = PNG + os.urandom(12 * 1024 * 1024)  # more than one part of a multipart upload

        async def halting() -> AsyncIterator[bytes]:
            yield whole[: len(whole) // 2]
            objects.mode = "refuse"
            objects.cut()
            yield whole[len(whole) // 2 :]

        told = await evidence.post(at, content=halting(), headers={**session(), **said()})
        assert (told.status_code, "Retry-After" in told.headers) == (503, True), told.text
        assert (await evidence.get(at, headers=session())).json()["exhibits"] == []
        objects.mode = "pass"
        begin = asyncio.get_running_loop().time()

        async def taken():
            return (await evidence.post(at, content=whole, headers={**session(), **said()})).status_code == 201

        await until(taken)
        measured(asyncio.get_running_loop().time() - begin)
        [exhibit] = (await evidence.get(at, headers=session())).json()["exhibits"]
        copy = await evidence.get(f"{at}/{exhibit['exhibit']}/original", headers=session())
        assert copy.content == whole
    uploaded = bed.database("evidence")["events"].count_documents(
        {"topic": "evidence-uploaded", "key": intake.case.encode()}
    )
    assert uploaded == 1


async def test_the_mail_relay_is_away(bed, measured):
    """The mail leaves at the next try after the relay is back (15 s after the first failure), once."""
    async with (
        Proxy(bed.platform.site.ports["mail"]) as relay,
        Intake(bed.platform) as intake,
        service(bed, "notify", RECOURS_SMTP_PORT=str(relay.port)),
    ):
        relay.mode = "refuse"
        address = f"{ids.new()}@example.org"
        wishes = {"after": "00:00", "before": "00:00"}
        await opened(intake, last_name="Exemple", email=address, notify=wishes)
        jobs = bed.database("notify")["jobs"]

        async def tried():
            return jobs.find_one({"case": intake.case, "failures": {"$gte": 1}})

        await until(tried)
        relay.mode = "pass"
        begin = asyncio.get_running_loop().time()
        events = bed.database("notify")["events"]

        async def sent():
            return events.count_documents({"key": intake.case.encode(), "topic": "notification-sent"}) == 1

        await until(sent)
        measured(asyncio.get_running_loop().time() - begin)
    mails = [message_from_bytes(one.read_bytes(), policy=policy.default) for one in bed.platform.site.mails.glob("*")]
    assert len([one for one in mails if one["To"] == address]) == 1
