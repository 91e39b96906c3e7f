"""Leaves something in every engine of an embedded platform, and says what is still there of it."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import aiosmtplib
import httpx
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from pymongo import AsyncMongoClient
from pymongo.write_concern import WriteConcern

from deploy.embedded.engines import objects
from deploy.embedded.engines.keyring import root_token
from deploy.embedded.site import Site
from shared.runtime.topics import apply_topics
from shared.trust.keyring import Keyring

RECORDS = 200
TOPIC = "case-opened"
SESSION = {
    "mode": "payment",
    "success_url": "http://127.0.0.1:1/a",
    "cancel_url": "http://127.0.0.1:1/b",
    "line_items[0][quantity]": "1",
    "line_items[0][price_data][currency]": "eur",
    "line_items[0][price_data][unit_amount]": "8000",
}


class Traces:
    """One mark per engine: ``leave_<engine>`` writes, ``kept_<engine>`` is whether it can be read."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.chain = b""
        self.session = ""

    async def leave(self) -> None:
        for name in ("objects", "bus", "store", "keyring", "tsa", "mail", "payment"):
            await getattr(self, f"leave_{name}")()

    async def lost(self) -> list[str]:
        names = ("objects", "bus", "store", "keyring", "tsa", "mail", "payment")
        return [name for name in names if not await getattr(self, f"kept_{name}")()]

    async def leave_objects(self) -> None:
        def put() -> None:
            objects.client(self.site).put_object("recours-evidence", "mark", io.BytesIO(b"mark" * 1000), 4000)

        await asyncio.to_thread(put)

    async def kept_objects(self) -> bool:
        def get() -> bool:
            answer = objects.client(self.site).get_object("recours-evidence", "mark")
            try:
                return answer.read() == b"mark" * 1000
            finally:
                answer.close()
                answer.release_conn()

        return await asyncio.to_thread(get)

    async def leave_bus(self) -> None:
        await apply_topics(self.site.address("bus"), [TOPIC], 4)
        producer = AIOKafkaProducer(bootstrap_servers=self.site.address("bus"), acks="all")
        await producer.start()
        try:
            sent = [await producer.send(TOPIC, b"%d" % n, key=b"%d" % n) for n in range(RECORDS)]
            await asyncio.gather(*sent)
        finally:
            await producer.stop()

    async def kept_bus(self) -> bool:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.site.address("bus"), auto_offset_reset="earliest", enable_auto_commit=False
        )
        await consumer.start()
        found: set[bytes] = set()
        try:
            consumer.assign([TopicPartition(TOPIC, n) for n in range(4)])
            async with asyncio.timeout(10):
                while len(found) < RECORDS:
                    for batch in (await consumer.getmany(timeout_ms=200)).values():
                        found |= {record.value for record in batch}
        except TimeoutError:
            return False
        finally:
            await consumer.stop()
        return found == {b"%d" % n for n in range(RECORDS)}

    async def leave_store(self) -> None:
        client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(self.site.store_url, timeoutMS=10_000)
        async with (
            client,
            client.start_session() as session,
            await session.start_transaction(write_concern=WriteConcern("majority", j=True)),
        ):
            marks = client["recours_intake"]["marks"]
            await marks.insert_many([{"_id": n} for n in range(RECORDS)], session=session)

    async def kept_store(self) -> bool:
        client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(self.site.store_url, timeoutMS=10_000)
        async with client:
            return await client["recours_intake"]["marks"].count_documents({}) == RECORDS

    async def leave_keyring(self) -> None:
        async with Keyring(self.site.url("keyring"), root_token(self.site)) as admin:
            await admin.vault.write("marks/one", {"value": "mark"})

    async def kept_keyring(self) -> bool:
        async with Keyring(self.site.url("keyring"), root_token(self.site)) as admin:
            found = await admin.vault.read("marks/one")
        return found is not None and found[0] == {"value": "mark"}

    async def leave_tsa(self) -> None:
        self.chain = await self._chain()

    async def kept_tsa(self) -> bool:
        return self.chain == await self._chain() == self.site.chain.read_bytes()

    async def leave_mail(self) -> None:
        text = b"From: a@example.org\r\nTo: b@example.org\r\nSubject: mark\r\n\r\nBonjour\r\n"
        await aiosmtplib.send(
            text,
            sender="a@example.org",
            recipients=["b@example.org"],
            hostname="127.0.0.1",
            port=self.site.ports["mail"],
        )

    async def kept_mail(self) -> bool:
        return any(b"Subject: mark" in path.read_bytes() for path in self.site.mails.glob("*.eml"))

    async def leave_payment(self) -> None:
        async with self._shop() as shop:
            self.session = (await shop.post("/v1/checkout/sessions", data=SESSION)).json()["id"]

    async def kept_payment(self) -> bool:
        async with self._shop() as shop:
            return bool((await shop.get(f"/v1/checkout/sessions/{self.session}")).json().get("amount_total") == 8000)

    def _shop(self) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {self.site.payment_key()}"}
        return httpx.AsyncClient(base_url=self.site.url("payment"), headers=headers, trust_env=False)

    async def _chain(self) -> bytes:
        async with httpx.AsyncClient(trust_env=False) as client:
            return (await client.get(self.site.url("tsa") + self.site.engines.chain_at)).content
