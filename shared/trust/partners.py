"""Partners: who they are, the key they sign with, and the topics and cases that they may speak of."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.trust.signing import PublicKey

PartnerId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{1,53}$")]


def partner_owner(partner_id: str) -> str:
    """The owner name of a partner's keys; never a service's name."""
    return f"partner:{partner_id}"


class Partner(BaseModel):
    """A registered partner: ``keys`` are all owned by it; ``cases`` is a set of case ids, or ``*``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    partner_id: PartnerId
    name: Annotated[str, Field(min_length=1, max_length=200)]
    keys: Annotated[tuple[PublicKey, ...], Field(min_length=1)]
    topics: frozenset[Annotated[str, Field(pattern=r"^partner\.[a-z-]+$")]]
    cases: frozenset[str] | Literal["*"]

    def model_post_init(self, _: object) -> None:
        """Raises ValueError when a key is another owner's."""
        if any(key.service != partner_owner(self.partner_id) for key in self.keys):
            raise ValueError("A partner's keys must be its own: generate them for partner:<id>.")

    def may(self, topic: str, case_id: str) -> bool:
        """Whether its scope holds that topic and that case."""
        return topic in self.topics and (self.cases == "*" or case_id in self.cases)
