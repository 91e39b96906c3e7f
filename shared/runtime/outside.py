"""Partners' messages: verified, matched to a case, and only then a command; a wrong one is refused with a reason.

Same id and bytes: handled once. Same id with other bytes: refused. A message whose case is unknown waits 72 hours.
Those that staff must confirm wait for ``confirm``. Every refusal is published on ``partner.refusals``.
"""

from __future__ import annotations

import hashlib
import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import structlog
from pydantic import ValidationError

from shared.clock import now
from shared.contracts.envelope import Message
from shared.contracts.partners import PartnerMessage, Refusal
from shared.errors import BrokenSignature, Held, NotFound, Refused, Unavailable
from shared.runtime.declaration import Acceptance
from shared.runtime.documents import Document, Writes
from shared.runtime.messages import Arrival
from shared.trust.jws import read_unverified, verify_compact
from shared.trust.partners import Partner, partner_owner
from shared.trust.signing import KeySet

if TYPE_CHECKING:
    from shared.runtime.running import Running

log = structlog.get_logger()
TYP = "recours-partner+jwt"
"""The ``typ`` of a partner's JWS."""
PATIENCE = timedelta(hours=72)
_PARTNER = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


class Outside:
    """The inbound side of one service's process."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self._acceptances: dict[str, Acceptance] = {one.message.topic: one for one in running.service.accepts}

    async def receive(self, arrival: Arrival) -> None:
        """Take one message of the bus. Raises Unavailable when it must be given again."""
        acceptance = self._acceptances[arrival.topic]
        digest = hashlib.sha256(arrival.body).hexdigest()
        try:
            partner, message = await self._verified(acceptance, arrival.body)
        except Refused as refusal:
            place = f"unverified/{arrival.topic}/{arrival.partition}/{arrival.offset}"
            if await self._running.store.find("outside", place) is None:
                await self._refuse(_document(place, arrival.topic, digest, b""), refusal, partner=None, message=None)
            return
        document = _document(f"{partner.partner_id}/{message.id}", arrival.topic, digest, arrival.body)
        before = await self._running.store.find("outside", document["_id"])
        if before is None:
            await self._settle(document, acceptance, partner, message)
        elif before["digest"] != digest:
            reused = Refused("id-reused", "This message id was used for other content: send it under a new id.")
            place = f"{document['_id']}/{digest}"
            if await self._running.store.find("outside", place) is None:
                await self._refuse({**document, "_id": place}, reused, partner=partner.partner_id, message=message.id)

    async def sweep(self) -> None:
        """Try waiting messages again; refuse those that waited 72 hours. Raises Unavailable."""
        async for document in self._running.store.scan("outside", {"status": "waiting"}):
            acceptance = self._acceptances[document["topic"]]
            try:
                partner, message = await self._verified(acceptance, document["body"], at=document["received"])
            except Refused as refusal:
                await self._refuse(document, refusal, partner=None, message=None)
                continue
            await self._settle(document, acceptance, partner, message)

    async def unconfirmed(self, case: str) -> list[tuple[str, PartnerMessage]]:
        """The messages of a case that staff must confirm before they bind: id and content.

        One that no longer verifies (its key was ended before it came, as a stolen one) is refused instead.
        """
        found = []
        for one in await self._running.store.outside("unconfirmed", case):
            try:
                _, message = await self._verified(self._acceptances[one["topic"]], one["body"], at=one["received"])
            except Refused as refusal:
                await self._refuse(one, refusal, partner=None, message=None)
            else:
                found.append((one["_id"], message))
        return found

    async def confirm(self, document_id: str, case: str) -> None:
        """Staff say that a message is right: it binds now; said again, nothing more happens.

        Raises:
            NotFound: no such message of this case waits. Refused: the domain says no.
        """
        document = await self._running.store.find("outside", document_id)
        if document is None or document["case"] != case:
            raise NotFound
        if document["status"] == "accepted":  # it binds already: the answer to whoever said so was lost
            return
        if document["status"] != "unconfirmed":
            raise NotFound
        acceptance = self._acceptances[document["topic"]]
        _, message = await self._verified(acceptance, document["body"], at=document["received"])
        await self._running.carry_out(
            acceptance.command(message, case, now()),
            cause=document_id,
            outside={**document, "status": "accepted", "body": b""},
        )

    async def _verified(
        self, acceptance: Acceptance, body: bytes, *, at: datetime | None = None
    ) -> tuple[Partner, PartnerMessage]:
        try:
            _, claims = read_unverified(body, TYP)
            name = claims.get("partner")
            # Nothing is verified yet, and the name becomes part of a path in the keyring.
            known = isinstance(name, str) and _PARTNER.fullmatch(name)
            partner = await self._running.keyring.partner(str(name)) if known else None
            if partner is None:
                raise Refused("unknown-partner", "No partner of this name is registered: ask recours to register you.")
            keys = KeySet(partner.keys)
            claims = verify_compact(body, TYP, keys, owner=partner_owner(partner.partner_id), at=at or now())
        except BrokenSignature as error:
            raise Refused("bad-signature", str(error)) from None
        try:
            message = acceptance.message.model_validate(claims)
        except ValidationError as error:
            fields = sorted({".".join(map(str, one["loc"])) for one in error.errors(include_input=False)})
            raise Refused("malformed", f"Correct these fields and send it again: {', '.join(fields)}.") from None
        if acceptance.message.topic not in partner.topics:
            raise Refused("out-of-scope", "Your registration does not cover this topic: ask recours to extend it.")
        return partner, message

    async def _settle(
        self, document: Document, acceptance: Acceptance, partner: Partner, message: PartnerMessage
    ) -> None:
        names = {"partner": partner.partner_id, "message": message.id}
        case = await self._case_of(message)
        if case is None:
            if now() >= document["received"] + PATIENCE:
                unknown = Refused("unknown-case", "No case has this reference: check it and send it under a new id.")
                await self._refuse(document, unknown, **names)
            elif document["status"] != "waiting":
                await self._running.engine.writing.record(Writes(outside={**document, "status": "waiting"}))
            return
        document = {**document, "case": case}
        if not partner.may(message.topic, case):
            await self._refuse(
                document, Refused("out-of-scope", "Your registration does not cover this case."), **names
            )
        elif acceptance.confirmed:
            await self._running.engine.writing.record(Writes(outside={**document, "status": "unconfirmed"}))
        else:
            try:
                await self._running.carry_out(
                    acceptance.command(message, case, now()),
                    cause=document["_id"],
                    outside={**document, "status": "accepted", "body": b""},
                )
            except Refused as refusal:
                await self._refuse(document, refusal, **names)
            except NotFound:
                await self._refuse(
                    document, Refused("not-found", "What it names does not exist in this case."), **names
                )
            except Held:
                if document["status"] != "waiting":
                    await self._running.engine.writing.record(Writes(outside={**document, "status": "waiting"}))
            except Unavailable:
                raise
            except Exception as error:  # one message must not keep all that follow it
                log.error("outside-failed", topic=document["topic"], exc_info=error)
                await self._refuse(
                    document, Refused("failed", "This could not be taken in: ask recours, and name its id."), **names
                )

    async def _case_of(self, message: PartnerMessage) -> str | None:
        if message.reference is not None:
            return await self._running.resolve_case(f"partner:{message.reference}")
        if message.case is not None and await self._running.knows(message.case):
            return message.case
        return None

    async def _refuse(self, document: Document, refusal: Refused, *, partner: str | None, message: str | None) -> None:
        answer = Refusal(
            partner=partner, message=message, refused_topic=document["topic"], code=refusal.code, detail=str(refusal)
        )
        said = Message(
            topic=Refusal.topic,
            key=(partner or "unknown").encode(),
            headers=(("content-type", b"application/json"),),
            body=answer.model_dump_json().encode(),
        )
        refused = {**document, "status": "refused", "body": b"", "code": refusal.code}
        await self._running.engine.writing.record(Writes(outside=refused, messages=[said]))


def _document(place: str, topic: str, digest: str, body: bytes) -> dict[str, Any]:
    return {
        "_id": place,
        "topic": topic,
        "digest": digest,
        "body": body,
        "status": "new",
        "case": "",
        "received": now(),
    }
