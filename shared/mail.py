"""Mail: handing it to the relay (SMTP, RFC 5321), and the one place that words a page to the team.

A page says why a human is needed, of which case, until which day, and where to go; nothing about a person.
"""

from __future__ import annotations

from datetime import date, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final, Literal, NamedTuple

import aiosmtplib
from babel.dates import format_date

from shared.errors import Unavailable
from shared.ids import derived
from shared.logs import logger
from shared.runtime.declaration import Impossible
from shared.settings import Settings

_LOG: Final = logger(__name__)
TIMEOUT: Final = 20.0
"""Seconds for one answer of the relay."""
NO_OPERATOR: Final = "no-operator"

Reason = Literal["danger", "press-limit", "limitation", "data-retention", "hearing", "no-answer", "erasure", "bus-down"]
"""Why a human is needed: a danger, a deadline by its kind, an erasure that failed, a deadline while the bus is down."""


class _Words(NamedTuple):
    """Of one reason: the subject, which shows on a lock screen, and what it means; ``day`` says which day is told."""

    subject: str
    french: str
    english: str
    day: tuple[str, str] = ("Dernier jour, inclus", "Last day, inclusive")


_WAITED_FOR: Final = "recours : une personne vous attend"
_FALLS_DUE: Final = "recours : un acte arrive à échéance"
_LAWYER: Final = (
    "Un délai se termine : un avocat doit agir avant la fin du dernier jour.",
    "A time limit ends: a lawyer has to act before the end of the last day.",
)
_REASONS: Final[dict[Reason, _Words]] = {
    "danger": _Words(
        _WAITED_FOR,
        "Un danger est signalé dans un dossier. Quelqu’un de l’équipe doit le lire maintenant.",
        "A danger is reported in a case. Somebody of the team has to read it now.",
    ),
    "press-limit": _Words(_FALLS_DUE, *_LAWYER),
    "limitation": _Words(_FALLS_DUE, *_LAWYER),
    "data-retention": _Words(
        _FALLS_DUE,
        "Des données conservées par une plateforme arrivent à leur fin : la demande doit partir avant.",
        "Data that a platform keeps come to their end: the request has to leave before.",
    ),
    "hearing": _Words(
        _FALLS_DUE,
        "Une audience approche : un avocat doit la préparer.",
        "A hearing is near: a lawyer has to prepare it.",
        ("Jour", "Day"),
    ),
    "no-answer": _Words(
        _FALLS_DUE,
        "Le délai de réponse du procureur est passé : la voie suivante est ouverte.",
        "The prosecutor's time to answer is over: the next way is open.",
        ("Ouverte depuis", "Open since"),
    ),
    "erasure": _Words(
        _WAITED_FOR,
        "Un effacement n’a pas pu être mené à son terme : les clés du dossier existent encore.",
        "An erasure could not be completed: the keys of the case still exist.",
    ),
    "bus-down": _Words(
        _FALLS_DUE,
        "Une échéance est là et le bus d’événements ne répond plus : personne d’autre n’en est averti.",
        "A deadline has come and the event bus does not answer: nobody else is told of it.",
    ),
}
_REPEATED: Final = frozenset(_REASONS) - {"bus-down"}
"""Reasons whose pages notify repeats until somebody took them."""


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


async def page_operators(
    settings: Settings,
    *,
    reason: Reason,
    case: str,
    key: str,
    link: str,
    now: datetime,
    last_day: date | None = None,
) -> None:
    """Page each address of RECOURS_OPERATORS; at least one of them was taken by the relay once this returns.

    ``key`` names this page: the same one gives each address the same Message-ID, so that a repeat shows as one.
    Addresses that were not reached are counted in the log; another attempt would page the others again.

    Raises:
        Impossible: ``no-operator``, or the relay refused every address or mail for good.
        Unavailable: no address was reached and a later attempt may.
    """
    if not settings.operators:
        _LOG.error("nobody-to-page", reason=NO_OPERATOR, kind=reason)
        raise Impossible(NO_OPERATOR)
    failures: list[Impossible | Unavailable] = []
    for to in settings.operators:
        message_id = f"{derived('page', key, to)}@{settings.smtp_from.rpartition('@')[2]}"
        mail = page(
            settings, reason=reason, case=case, to=to, message_id=message_id, link=link, now=now, last_day=last_day
        )
        try:
            await post(mail, settings)
        except (Impossible, Unavailable) as failure:
            failures.append(failure)
    if failures:
        _LOG.warning("operators-not-reached", count=len(failures), kind=reason)
    if len(failures) == len(settings.operators):
        raise next((one for one in failures if isinstance(one, Unavailable)), failures[0])


def page(
    settings: Settings,
    *,
    reason: Reason,
    case: str,
    to: str,
    message_id: str,
    link: str,
    now: datetime,
    last_day: date | None = None,
) -> EmailMessage:
    """A page to one mailbox ``to`` of the team: the reason in words, the case's id, the day, where to go.

    ``message_id`` (without brackets) is the same for every attempt. ``last_day``: Europe/Paris, inclusive.
    """
    words = _REASONS[reason]
    mail = EmailMessage(SMTP)
    mail["Message-ID"] = f"<{message_id}>"
    mail["Date"] = format_datetime(now)
    mail["From"] = settings.smtp_from
    mail["To"] = to
    mail["Subject"] = words.subject
    # RFC 3834: no holiday answers come back to a box that nobody reads.
    mail["Auto-Submitted"] = "auto-generated"
    # RFC 2156: what a telephone may ring for.
    mail["Importance"] = "high"
    french = [words.french, f"Dossier : {case}", *_day(words.day[0], " :", last_day, "fr"), link]
    english = [words.english, f"Case: {case}", *_day(words.day[1], ":", last_day, "en"), link]
    if reason in _REPEATED:
        team = f"{settings.origin}/team"
        french.append(f"Connectez-vous ({team}), prenez le dossier s’il n’est pas à vous, puis ouvrez ce lien :")
        french.append("les rappels s’arrêtent.")
        english.append(f"Sign in ({team}), take the case if it is not yours, then open this link:")
        english.append("the reminders stop.")
    mail.set_content("\n".join((*french, "", "--", "", *english)))
    return mail


def _day(label: str, colon: str, day: date | None, language: str) -> tuple[str, ...]:
    return () if day is None else (f"{label}{colon} {format_date(day, 'd MMMM y', locale=language)}",)


def _later() -> Unavailable:
    return Unavailable("The mail relay does not take the mail now: it is tried again.", retry_after=60)
