"""A value that changes: the whole new value wins by its source's sequence, in whatever order it arrives."""

from __future__ import annotations

from typing import Generic, Self, TypeVar

from pydantic import BaseModel, ConfigDict

T = TypeVar("T")


class Latest(BaseModel, Generic[T]):
    """The newest value seen of one source aggregate; ``sequence`` 0 means none yet."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sequence: int = 0
    value: T | None = None

    def offer(self, sequence: int, value: T) -> Self:
        """The newer of both. Equal sequences are the same fact, so the first stays."""
        if sequence <= self.sequence:
            return self
        return self.model_copy(update={"sequence": sequence, "value": value})
