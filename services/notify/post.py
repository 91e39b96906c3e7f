"""Handing a mail to the relay (SMTP, RFC 5321): what it refuses for ever, and what may work later."""

from __future__ import annotations

from email.message import EmailMessage
from typing import Final

import aiosmtplib

from shared.errors import Unavailable
from shared.runtime.declaration import Impossible
from shared.settings import Settings

TIMEOUT: Final = 20.0
"""Seconds for one answer of the relay."""


async def post(mail: EmailMessage, settings: Settings) -> None:
    """Hand ``mail`` to the relay; it is the relay's once this returns. TLS is used where the relay offers it.

    Raises:
        Impossible: the relay refused the address or the mail for good (5xx at RCPT or DATA).
        Unavailable: anything else, to be tried again: no answer, 4xx, or a refusal of us as the sender.
    """
    sender = settings.smtp_from
    try:
        await aiosmtplib.send(
            mail,
            sender=sender,
            recipients=[str(mail["To"])],
            hostname=settings.smtp_host,
            port=settings.smtp_port,
            # The machine's own name would travel in the mail's Received header.
            local_hostname=sender.rpartition("@")[2],
            timeout=TIMEOUT,
        )
    except aiosmtplib.SMTPRecipientsRefused as error:
        if all(one.code >= 500 for one in error.recipients):
            raise Impossible("address-refused") from None
        raise _later() from None
    except aiosmtplib.SMTPNotSupported:
        # An address outside ASCII, and a relay without SMTPUTF8 (RFC 6531).
        raise Impossible("address-refused") from None
    except aiosmtplib.SMTPDataError as error:
        if error.code >= 500:
            raise Impossible("mail-refused") from None
        raise _later() from None
    except (aiosmtplib.SMTPException, OSError):
        # Their text quotes addresses: it stays here.
        raise _later() from None


def _later() -> Unavailable:
    return Unavailable("The mail relay does not take the mail now: it is tried again.", retry_after=60)
