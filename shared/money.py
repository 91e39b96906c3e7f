"""Money: integer cents with a currency, never a float."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Cents = Annotated[int, Field(strict=True, ge=0, le=10**12)]


class Money(BaseModel):
    """An amount: ``cents`` (>= 0) of ``currency`` (ISO 4217)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cents: Cents
    currency: Literal["EUR"] = "EUR"
