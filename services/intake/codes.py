"""Case codes: ``RECOURS-LLLL-LLLL-SSSS-SSSS-SSSC`` in Crockford's base32.

Eight characters of locator (40 bits) find the access, eleven of secret (55 bits) open it, the last one checks the
other nineteen (Luhn modulo 32: every single slip and nearly every exchange of neighbours shows). The secret is kept
as an argon2id hash alone, the locator as HMAC-SHA-256 under the service's pepper. Source: Crockford, Base 32 encoding.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from typing import Final, NamedTuple

from shared.errors import Refused

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LOCATOR: Final = 8
SECRET: Final = 11
PREFIX: Final = "RECOURS"
_READ_AS: Final = str.maketrans("OILU", "011V")


class Code(NamedTuple):
    """The two halves of a code, in capitals."""

    locator: str
    secret: str

    def written(self) -> str:
        """The code as it is shown to a person, with its check character."""
        body = self.locator + self.secret
        whole = body + check_character(body)
        return "-".join((PREFIX, *(whole[start : start + 4] for start in range(0, len(whole), 4))))


def draw() -> Code:
    """A new code: 40 bits of locator and 55 of secret from the system's random source."""
    return Code(*("".join(secrets.choice(ALPHABET) for _ in range(length)) for length in (LOCATOR, SECRET)))


def read(text: str) -> Code:
    """The code that a person typed: spaces, hyphens, case and look-alike letters (O, I, L, U) do not matter.

    Raises:
        Refused: ``code-mistyped``: wrong length, a character that no code has, or a check that does not fit.
    """
    typed = re.sub(r"[\s\-–—_.]", "", text.upper())
    # The word in front has letters that the alphabet reads otherwise: it goes first.
    typed = typed.removeprefix(PREFIX).translate(_READ_AS)
    body, check = typed[:-1], typed[-1:]
    if len(typed) != LOCATOR + SECRET + 1 or set(typed) - set(ALPHABET) or check_character(body) != check:
        message = "This code has a slip in it. It has five groups of four letters and digits: type it again."
        raise Refused("code-mistyped", message, field="code")
    return Code(body[:LOCATOR], body[LOCATOR:])


def check_character(body: str) -> str:
    """Luhn modulo 32 over the characters of ``body``."""
    total = 0
    for place, character in enumerate(reversed(body)):
        value = ALPHABET.index(character) * (2 - place % 2)
        total += value // 32 + value % 32
    return ALPHABET[-total % 32]


def blind_index(locator: str, pepper: str) -> str:
    """HMAC-SHA-256 (hex) of the locator: finds the access, and tells nothing without the pepper."""
    return hmac.new(pepper.encode(), b"case-code-locator\0" + locator.encode(), hashlib.sha256).hexdigest()
