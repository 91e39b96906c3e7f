"""Events to signed messages and back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

from shared.contracts import envelope as wire
from shared.contracts.catalogue import decode_body, encode_body
from shared.contracts.envelope import Envelope, Header, Message
from shared.contracts.event import type_of
from shared.errors import BrokenContract, BrokenSignature
from shared.runtime.declaration import Recorded
from shared.trust.signing import KeySet


class Signer(Protocol):
    """Who signs: shared.trust.signing.SigningKey."""

    @property
    def key_id(self) -> str: ...

    def sign(self, data: bytes) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Arrival:
    """A record as it came from the bus, and what it says (None where it cannot be read, with the reason)."""

    topic: str
    partition: int
    offset: int
    key: bytes
    headers: tuple[Header, ...]
    body: bytes
    fact: Recorded | None = None
    problem: str = ""


def to_message(recorded: Recorded, signer: Signer, *, epoch: str, traceparent: str = "") -> Message:
    """The signed message of one of the service's own events. Raises BrokenContract over the event's bound."""
    event = recorded.event
    envelope = Envelope(
        id=recorded.id,
        source=f"/recours/{recorded.source}",
        type=type_of(type(event)),
        time=recorded.time,
        subject=recorded.case,
        aggregate=recorded.aggregate,
        sequence=recorded.sequence,
        causation=recorded.causation,
        correlation=recorded.correlation,
        epoch=epoch,
        traceparent=traceparent,
        keyid=signer.key_id,
    )
    body = encode_body(event)
    headers = wire.encode(envelope)
    return Message(
        topic=event.name,
        key=recorded.case.encode(),
        headers=wire.sign(headers, signer.sign(wire.signed_bytes(headers, body))),
        body=body,
    )


def verify(headers: tuple[Header, ...], body: bytes, keys: KeySet) -> None:
    """Check the Ed25519 signature of an event's message by its source's key, valid at the event's time.

    Raises:
        BrokenSignature: absent, unknown key, another owner's key, outside its validity, or not matching.
        BrokenContract: the headers are no envelope.
    """
    envelope = wire.decode(headers)
    signature = wire.signature_of(headers)
    if signature is None:
        raise BrokenSignature("The event carries no signature.")
    keys.verify(
        key_id=envelope.keyid,
        owner=envelope.service,
        data=wire.signed_bytes(headers, body),
        signature=signature,
        at=envelope.time,
    )


def read(headers: tuple[Header, ...], body: bytes, *, topic: str | None = None) -> Recorded:
    """What a message says.

    Raises:
        BrokenContract: malformed headers or body, unknown type, or a type that does not belong on ``topic``.
    """
    envelope = wire.decode(headers)
    event = decode_body(envelope, body)
    if topic is not None and event.name != topic:
        raise BrokenContract(f"A {event.name} event does not belong on the topic {topic}.")
    if event.owner not in {envelope.service, None}:
        raise BrokenContract(f"{event.name} is published by {event.owner} alone, not by {envelope.service}.")
    return Recorded(
        id=envelope.id,
        source=envelope.service,
        aggregate=envelope.aggregate,
        sequence=envelope.sequence,
        time=envelope.time,
        case=envelope.subject,
        event=event,
        causation=envelope.causation,
        correlation=envelope.correlation,
        traceparent=envelope.traceparent,
    )


def reread(arrival: Arrival, keys: KeySet) -> Arrival:
    """The arrival read (again): its fact, or the problem that makes it a dead letter."""
    try:
        fact = read(arrival.headers, arrival.body, topic=arrival.topic)
        if fact.case.encode() != arrival.key:
            raise BrokenContract("The record's key is not the event's subject.")
        if fact.event.signed_before_fold:
            verify(arrival.headers, arrival.body, keys)
    except BrokenContract as error:
        return replace(arrival, fact=None, problem=str(error))
    return replace(arrival, fact=fact, problem="")
