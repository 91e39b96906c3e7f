"""What persons and the team send: JSON bodies, and the page's form of the same."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import parse_qs

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.billing.domain.commands import Positive
from shared.contracts.event import Id
from shared.contracts.sealed import Policy
from shared.errors import Refused


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Funding(_Body):
    """``safe`` of False: letters of an insurer could reach somebody whom the person fears."""

    choice: Literal["insurer", "legal-aid", "person"]
    safe: bool = True
    consent_shown_recipient: bool = False
    insurer: Id | None = None
    policy: Policy | None = None


class Transfer(_Body):
    """An insurer's bank transfer, in cents; ``reference`` is the bank's."""

    cents: Positive
    reference: Id


class Recovery(_Body):
    """Cents of a judgment's costs that the convicted paid; ``recovery`` makes a repeat harmless."""

    recovery: Id
    judgment: Id
    cents: Positive


class Confirmation(_Body):
    """The id of a partner's message, as ``GET`` lists it."""

    message: Annotated[str, Field(min_length=1, max_length=300)]


def read_form(body: bytes) -> Funding:
    """The page's form. Raises Refused for one that says nothing usable."""
    try:
        said = {key: values[-1].strip() for key, values in parse_qs(body.decode()).items()}
        safe = said.get("safe", "yes") == "yes"
        fields = ("holder", "number", "address") if safe and said.get("choice") == "insurer" else ()
        policy = {key: said[key] for key in fields if key in said}
        return Funding.model_validate(
            {
                "choice": said.get("choice"),
                "safe": safe,
                "consent_shown_recipient": said.get("consent") == "yes",
                "insurer": said.get("insurer"),
                "policy": policy or None,
            }
        )
    except (ValidationError, ValueError):
        raise Refused("incomplete-form", "Choose one way; for an insurer, give the holder and the number.") from None
