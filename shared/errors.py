"""The errors of recours, one small tree.

RecoursError
 ├─ Refused          the domain says no; the caller can correct it        (HTTP 422, or 409 for a conflict)
 ├─ NotFound         absent or not allowed, on purpose indistinguishable  (HTTP 404)
 ├─ Unavailable      try again later; nothing was changed                 (HTTP 503 with Retry-After)
 │   ├─ Held         the aggregate waits for an operator                  (HTTP 503)
 │   └─ TooMany      this caller asks too often                           (HTTP 429 with Retry-After)
 └─ BrokenContract   bytes that do not say what the contract requires     (dead letter, audit finding)
     └─ BrokenSignature
"""

from __future__ import annotations

from typing import Literal


class RecoursError(Exception):
    """Any error that recours raises on purpose.

    ``code`` is stable and machine-readable (kebab-case); the message is for persons and says what to do next.
    """

    code = "error"


class Refused(RecoursError):
    """The request is understood and refused.

    Args:
        code: stable reason, kebab-case.
        message: what is wrong and what to do next.
        field: dotted path of the offending field, when there is one.
        conflict: true when the request clashes with what already is (HTTP 409 instead of 422).
    """

    def __init__(self, code: str, message: str, *, field: str | None = None, conflict: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.field = field
        self.conflict = conflict


class NotFound(RecoursError):
    """The thing does not exist, or the caller may not know that it does."""

    code = "not-found"

    def __init__(self, message: str = "Nothing is here for you. Check the address or sign in again.") -> None:
        super().__init__(message)


class Unavailable(RecoursError):
    """Nothing was changed; the same request may succeed after ``retry_after`` seconds."""

    code = "unavailable"

    def __init__(self, message: str, *, retry_after: int = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Held(Unavailable):
    """The aggregate waits until an operator redrives its dead letters."""

    code = "held"


class TooMany(Unavailable):
    """The caller asked too often for a while. Source: RFC 6585, section 4."""

    code = "too-many"


class BrokenContract(RecoursError):
    """Bytes or documents that do not follow the contract they claim."""

    code = "broken-contract"


SignatureFault = Literal["unreadable", "unknown-key", "another-owner", "outside-validity", "altered"]


class BrokenSignature(BrokenContract):
    """A signature that is absent, unknown or does not match; ``fault`` says which, for who says it in other words."""

    code = "broken-signature"

    def __init__(self, message: str, *, fault: SignatureFault = "unreadable") -> None:
        super().__init__(message)
        self.fault = fault
