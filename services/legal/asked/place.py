"""What every body has: where it was sent, and what becomes of it.

Ids are drawn and secrets sealed here, at the edge: what goes further is sealed already. What a lawyer types about a
place or an account is bounded, so that it fits into an event once sealed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from services.legal.domain.state import Case
from shared.contracts.intake import PurposeName
from shared.contracts.sealed import SealedValue
from shared.errors import NotFound, Refused
from shared.runtime.declaration import Command
from shared.trust.sealing import seal

MOST_SEALED: Final = 48_000


@dataclass(frozen=True, slots=True)
class Place:
    """Where a body was sent: the case as it is known, the ids of the path, and ``by`` whom."""

    case: str
    path: Mapping[str, str]
    by: str
    state: Case


class Asked(BaseModel):
    """A body; ``command`` makes of it what is to be decided."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, hide_input_in_errors=True)

    def command(self, place: Place) -> Command:
        raise NotImplementedError


def sealed(state: Case, purpose: PurposeName, value: SealedValue) -> str:
    """``value`` sealed to the case. Raises NotFound once its keys are gone, Refused for what is too long."""
    return closed(state, purpose, value.content())


def closed(state: Case, purpose: PurposeName, value: dict[str, Any]) -> str:
    """The same of a document that is no contract. Raises NotFound, Refused."""
    recipient = state.file.recipients.get(purpose)
    if recipient is None:
        raise NotFound
    text = seal(value, recipient)
    if len(text) > MOST_SEALED:
        raise Refused("too-long", "This is too long for one sending. Shorten it, or add it as an exhibit.")
    return text
