"""The keyring with an administrator's token, which is never on the command line, in the environment or printed."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import typer

from deploy.audit.sites import settings_of
from shared.errors import Refused, Unavailable
from shared.settings import read
from shared.trust.keyring import OPERATOR, Keyring

STDIN = Path("-")


def administrator(address: str | None, token_file: Path | None, data: Path | None = None) -> Keyring:
    """The keyring for its administrator: of an embedded platform with ``data``, else at ``address`` or RECOURS_KEYRING.

    The token is read from ``token_file`` (- is standard input), else asked for without showing it. Close it.

    Raises:
        Unavailable: a file cannot be read. Refused: no token is given, the address is none.
    """
    if data is not None:
        if address is not None or token_file is not None:
            raise Refused("two-keyrings", "--data names the keyring and its token: leave out --address, --token-file.")
        where = settings_of(OPERATOR, data / "settings").keyring
        return Keyring(where, _token(data / "keyring" / "root-token"))
    where = read(keyring=address).keyring if address is not None else read().keyring
    return Keyring(where, _token(token_file))


def _token(file: Path | None) -> str:
    if file is None:
        if not sys.stdin.isatty():
            raise Refused("no-token", "Give the administrator's token: --token-file FILE, or - for standard input.")
        token = str(typer.prompt("Token of the keyring's administrator", hide_input=True, err=True))
    elif file == STDIN:
        token = sys.stdin.read()
    else:
        try:
            token = file.read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise Unavailable(f"{file} cannot be read ({type(error).__name__}): check its name.") from error
    token = token.strip()
    # It becomes a header: anything else would fail there, and be quoted.
    if not re.fullmatch(r"[!-~]{1,4096}", token):
        raise Refused("no-token", "That is no token of a keyring: one word of plain characters is expected.")
    return token
