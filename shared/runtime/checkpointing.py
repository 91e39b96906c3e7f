"""Saying checkpoints: each epoch ends with one, stored and published like any event."""

from __future__ import annotations

from collections.abc import AsyncIterator

from shared.clock import now
from shared.contracts.envelope import Message
from shared.errors import Unavailable
from shared.ids import event_id
from shared.objects import Objects
from shared.runtime.declaration import Recorded
from shared.runtime.documents import Publication, Writes
from shared.runtime.messages import to_message
from shared.runtime.transactions import Conflict
from shared.runtime.writing import Writing


class Checkpoints:
    """The checkpoints of one writer."""

    def __init__(self, writing: Writing) -> None:
        self._writing = writing
        self._unsaid: Publication | None = None

    async def say(self, *, final: bool = False) -> Message | None:
        """End the epoch and store its checkpoint; gives its message, None when there was nothing. Raises Unavailable.

        One that could not be stored is stored first, with the same bytes, when this is next called.
        """
        if self._unsaid is not None:
            said = await self._store(self._unsaid)
            if not final:
                return said
        checkpoint = await self._writing.epochs.close(final=final)
        if checkpoint is None:
            return None
        recorded = Recorded(
            id=event_id(f"{self._writing.service.name}/writer/{checkpoint.writer}", checkpoint.number),
            source=self._writing.service.name,
            aggregate=f"{self._writing.service.name}/writer/{checkpoint.writer}",
            sequence=checkpoint.number,
            time=now(),
            case=checkpoint.writer,
            event=checkpoint,
            causation="checkpoint",
            correlation="checkpoint",
        )
        self._unsaid = Publication(recorded, to_message(recorded, self._writing.signer, epoch=""), "")
        self._writing.epochs.chained(self._unsaid.message)
        said = await self._store(self._unsaid)
        return await self.say(final=True) if final and not checkpoint.final else said

    async def keep(self, objects: Objects, *, final: bool = False) -> None:
        """Say it, and keep it as an object outside the store: ``checkpoint.<writer>.<number>``. Raises Unavailable."""
        message = await self.say(final=final)
        if message is not None:
            number = next(value.decode() for name, value in message.headers if name == "ce_sequence")
            await objects.put(f"checkpoint.{self._writing.epochs.writer}.{number}", _one(message), length=None)

    async def _store(self, publication: Publication) -> Message:
        outbox: str | None
        try:
            outbox = await self._writing.write(Writes(publications=[publication]))
        except Conflict:
            if not await self._writing.store.events([publication.recorded.id]):
                raise Unavailable("The checkpoint is stored at the next turn.") from None
            outbox = None  # stored by a commit whose answer was lost: its outbox document is swept
        self._unsaid = None
        self._writing.publisher.publish_soon(outbox, [publication.message])
        return publication.message


async def _one(message: Message) -> AsyncIterator[bytes]:
    yield message.model_dump_json().encode()
