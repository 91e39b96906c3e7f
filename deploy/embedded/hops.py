"""Headers at the gateway: those of one hop stay here (RFC 9110, 7.6.1), and what is said of the client is its own."""

from __future__ import annotations

from typing import Any

Headers = list[tuple[bytes, bytes]]
_HOP_BY_HOP = frozenset(
    {
        *(
            b"connection",
            b"expect",
            b"keep-alive",
            b"proxy-authenticate",
            b"proxy-authorization",
            b"proxy-connection",
            b"te",
        ),
        *(b"trailer", b"transfer-encoding", b"upgrade"),
    }
)
# What the client says of itself here cannot be trusted: the gateway is the first hop.
_SAID_BY_US = frozenset({b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-real-ip"})


def passed_on(headers: Headers) -> Headers:
    """Headers without those of one hop, those that ``Connection`` names, and those the gateway says itself."""
    named = {
        token.strip().lower() for name, value in headers if name.lower() == b"connection" for token in value.split(b",")
    }
    dropped = _HOP_BY_HOP | _SAID_BY_US | (named - {b"content-length", b"host", b"content-type"})
    return [(name, value) for name, value in headers if name.lower() not in dropped]


def forwarded(scope: Any) -> Headers:
    """What the gateway says of the client and of how it came."""
    host = next((value for name, value in scope["headers"] if name == b"host"), b"")
    peer = scope["client"][0].encode() if scope.get("client") else b"unknown"
    return [(b"x-forwarded-for", peer), (b"x-forwarded-proto", scope["scheme"].encode()), (b"x-forwarded-host", host)]
