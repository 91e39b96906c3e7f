"""What every event is: a frozen model with a name, an owner and a version."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

SERVICES = ("intake", "evidence", "legal", "billing", "notify")
Service = Literal["intake", "evidence", "legal", "billing", "notify"]

Id = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
"""An identifier that carries no meaning: a UUID, a key id, a staff id."""

Kind = Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[a-z0-9][a-z0-9.-]*$")]
"""A coarse kind from a closed vocabulary of the publishing service, kebab-case."""

Sealed = Annotated[str, Field(min_length=1, max_length=48_000, pattern=r"^[A-Za-z0-9+/]+=*$")]
"""Base64 of an age ciphertext of UTF-8 JSON, to the case's recipient for one purpose (shared.trust.sealing)."""

Commitment = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""SHA-256(salt || digest of the file), lower-case hex; salt and digest are sealed beside it."""


class Value(BaseModel):
    """A part of an event: frozen; unknown fields are ignored, so that a publisher can add optional ones."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Event(Value):
    """A fact that happened, immutable; ``name`` is its topic, ``owner`` the one service that publishes it.

    An owner of ``None`` means that every service publishes it for itself. A breaking change is a new version: a new
    class of the same name, while the old one stays and says by ``upcast`` what it is in the next version.
    """

    name: ClassVar[str]
    owner: ClassVar[Service | None]
    version: ClassVar[int] = 1
    signed_before_fold: ClassVar[bool] = False
    """Followers verify the signature before they fold it; the audit verifies all of them."""
    calls_a_human: ClassVar[bool] = False
    """Somebody of the team has to act; where it cannot be published for long, its service pages them itself."""

    def upcast(self) -> Event:
        """The same fact as the next version says it; the event itself in the newest one. Pure."""
        return self


def type_of(event: type[Event]) -> str:
    """The CloudEvents type, ``recours.<event>.v<version>``."""
    return f"recours.{event.name}.v{event.version}"
