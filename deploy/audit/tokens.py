"""Timestamps verified again: the stored token against the exhibit's sealed digest, the event against the token (I5).

It needs evidence's own access to the keyring. What was withdrawn or erased is not opened, and counted.
"""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import Final

from deploy.audit.findings import Ledger
from deploy.audit.stores import Source
from shared.contracts.evidence import EvidenceTimestamped, EvidenceUploaded, EvidenceWithdrawn
from shared.contracts.sealed import ExhibitDetails, read_sealed
from shared.errors import BrokenContract, NotFound, Unavailable
from shared.runtime.declaration import Recorded
from shared.trust import timestamps
from shared.trust.keyring import Keyring, KeyringDenied, KeysDestroyed
from shared.trust.sealing import Purpose, commitment, open_chunks, open_sealed

SERVICE: Final = "evidence"
AUTHORITY_LENGTH: Final = 200
"""How much of an authority's name the event says."""


class _Wrong(Exception):
    """The exhibit or its token is not what was recorded."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind


class Timestamps:
    """Watches evidence's exhibits (``folds.Watch``).

    Args:
        source: evidence.
        keyring: with evidence's token.
        chain: PEM certificates that tokens must chain to.
        exhibits: also read the exhibits themselves and hash them again: as long as it takes to read them all.
    """

    def __init__(self, source: Source, keyring: Keyring, chain: bytes, *, exhibits: bool = False) -> None:
        self._source = source
        self._keyring = keyring
        self._chain = chain
        self._exhibits = exhibits
        self._denied = False
        self._forget()

    def _forget(self) -> None:
        self._case = ""
        self._uploaded: EvidenceUploaded | None = None
        self._stamped: EvidenceTimestamped | None = None
        self._withdrawn = False

    def fact(self, fact: Recorded) -> None:
        match fact.event:
            case EvidenceUploaded() as event:
                self._case, self._uploaded = fact.case, event
            case EvidenceTimestamped() as event:
                self._stamped = event
            case EvidenceWithdrawn():
                self._withdrawn = True

    async def end(self, aggregate: str, ledger: Ledger) -> None:
        """Verify what the aggregate's events said. Raises Unavailable."""
        uploaded, stamped, withdrawn, case = self._uploaded, self._stamped, self._withdrawn, self._case
        self._forget()
        if uploaded is None:
            return
        if withdrawn:
            ledger.notes["exhibits withdrawn or erased, not opened"] += 1
        elif self._denied:
            ledger.notes["exhibits not opened: this token may not"] += 1
        else:
            await self._look(aggregate, case, uploaded, stamped, ledger)

    async def _look(
        self,
        aggregate: str,
        case: str,
        uploaded: EvidenceUploaded,
        stamped: EvidenceTimestamped | None,
        ledger: Ledger,
    ) -> None:
        try:
            await self._verify(case, uploaded, stamped, ledger)
        except KeysDestroyed:
            ledger.notes["exhibits of erased cases, not opened"] += 1
        except KeyringDenied:
            self._denied = True
            ledger.notes["exhibits not opened: this token may not"] += 1
        except _Wrong as wrong:
            if await self._gone(aggregate):
                ledger.notes["exhibits withdrawn or erased, not opened"] += 1
                return
            ledger.find(wrong.kind, service=SERVICE, aggregate=aggregate, detail=str(wrong))

    async def _verify(
        self, case: str, uploaded: EvidenceUploaded, stamped: EvidenceTimestamped | None, ledger: Ledger
    ) -> None:
        identity = await self._keyring.case_identity(case, Purpose.EVIDENCE)
        try:
            details = read_sealed(ExhibitDetails, open_sealed(uploaded.sealed_details, identity))
        except BrokenContract:
            raise _Wrong("exhibit-differs", "its sealed details cannot be opened with the case's key") from None
        digest = bytes.fromhex(details.digest)
        if commitment(bytes.fromhex(details.salt), digest) != uploaded.commitment:
            raise _Wrong("exhibit-differs", "the sealed digest is not the one that was committed")
        ledger.looked["exhibits' commitments"] += 1
        if stamped is None:
            ledger.notes["exhibits without a timestamp"] += 1
        else:
            await self._token(stamped, identity, digest)
            ledger.looked["timestamp tokens"] += 1
        if self._exhibits:
            await self._bytes(uploaded.exhibit, identity, digest)
            ledger.looked["exhibits hashed again"] += 1

    async def _token(self, stamped: EvidenceTimestamped, identity: str, digest: bytes) -> None:
        if stamped.proof is not None:
            raise _Wrong("token-differs", "it names a proof path, which evidence does not keep")
        try:
            chunks = open_chunks(self._source.objects.get(stamped.token), identity)
            token = b"".join([chunk async for chunk in chunks])
            facts = await asyncio.to_thread(timestamps.verify, token, digest, self._chain)
        except NotFound:
            raise _Wrong("object-unreadable", f"token {stamped.token} is not there") from None
        except BrokenContract as error:
            code = error.code if isinstance(error, timestamps.TimestampRejected) else "not-openable"
            raise _Wrong("token-differs", f"token {stamped.token} does not hold for the exhibit ({code})") from None
        said = (stamped.gen_time, stamped.policy, stamped.authority)
        if said != (facts.gen_time, facts.policy, facts.authority[:AUTHORITY_LENGTH]):
            raise _Wrong("token-differs", f"token {stamped.token} says another time, policy or authority")

    async def _bytes(self, exhibit: str, identity: str, digest: bytes) -> None:
        again = hashlib.sha256()
        try:
            async for chunk in open_chunks(self._source.objects.get(exhibit), identity):
                again.update(chunk)
        except NotFound:
            raise _Wrong("object-unreadable", f"exhibit {exhibit} is not there") from None
        except BrokenContract:
            raise _Wrong("exhibit-differs", f"exhibit {exhibit} cannot be opened with the case's key") from None
        if again.digest() != digest:
            raise _Wrong("exhibit-differs", f"exhibit {exhibit} has another digest")

    async def _gone(self, aggregate: str) -> bool:
        """Whether it was withdrawn while the audit ran."""
        own = await self._source.store.own_events(aggregate)
        return any(isinstance(one.event, EvidenceWithdrawn) for one in own)


def chain_of(path: Path | None) -> bytes:
    """The trusted certificates. Raises Unavailable when there are none to read."""
    if path is None:
        raise Unavailable("Timestamps cannot be verified without certificates: set RECOURS_TSA_CHAIN for evidence.")
    try:
        return path.read_bytes()
    except OSError as error:
        raise Unavailable(f"RECOURS_TSA_CHAIN cannot be read ({type(error).__name__}): correct it.") from error
