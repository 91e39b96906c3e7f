"""Six sample exhibits of a fictional affair, made at run time: the same bytes for the same first day.

Platform, forum, school and people do not exist; addresses end in .example or .invalid, IP addresses are of the ranges
kept for documentation (RFC 5737). The words are no worse than a demonstration needs.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from xml.etree import ElementTree as ET

from babel.dates import format_date
from pydantic import BaseModel, ConfigDict

from deploy.demo.people import BLACK, PACK, SCHOOL, SHADOW, VICTIM
from deploy.demo.photograph import photographed
from shared.clock import PARIS
from shared.contracts.evidence import ExhibitKind
from shared.typesetting import picture, typeset

FIRST_DAY = date(2026, 10, 12)
PLATFORM = "Papotis"
FORUM = "Le Préau"
_HERE = Path(__file__).parent


class Declared(BaseModel):
    """What the person says of an exhibit; ``day`` and ``hour`` are those of Paris."""

    model_config = ConfigDict(frozen=True)

    day: date
    hour: time
    author: str
    platform: str
    url: str | None
    words: str


class SampleExhibit(BaseModel):
    """A file as a person would upload it, with what she declares of it."""

    model_config = ConfigDict(frozen=True)

    name: str
    media_type: str
    kind: ExhibitKind
    content: bytes
    declared: Declared


def sample_exhibits(first_day: date = FIRST_DAY) -> list[SampleExhibit]:
    """The six exhibits, the acts spread over the ten days that begin with ``first_day`` (Paris).

    Raises BrokenContract when a template is missing. Takes about a second: not for an event loop.
    """
    return [
        _group(first_day),
        _private(first_day + timedelta(days=2)),
        _mail(first_day + timedelta(days=3)),
        _texts(first_day + timedelta(days=5)),
        _forum(first_day + timedelta(days=6)),
        _photo(first_day + timedelta(days=9)),
    ]


def _at(day: date, hour: int, minute: int, second: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute, second), PARIS)


def _long(day: date) -> str:
    return format_date(day, "EEEE d MMMM y", locale="fr_FR")


def _theirs(author: str, hour: str, text: str, tint: int) -> dict[str, object]:
    return {"mine": False, "author": author, "initial": author[0].upper(), "hour": hour, "text": text, "tint": tint}


def _mine(hour: str, text: str) -> dict[str, object]:
    return {"mine": True, "hour": hour, "text": text}


def _chat(
    day: date, clock: str, title: str, subtitle: str, messages: list[dict[str, object]], *, battery: str = "68 %"
) -> bytes:
    head = {"title": title, "subtitle": subtitle, "initial": title[0].upper(), "clock": clock, "battery": battery}
    data = {**head, "day": _long(day), "messages": messages}
    return picture(_HERE / "chat.typ", data, created=_at(day, 12, 0))


def _group(day: date) -> SampleExhibit:
    words = "T'es qu'une merde, tout le monde rigole de toi. Reviens pas demain."
    content = _chat(
        day,
        "21:52",
        "4e B – les vrais",
        "17 membres",
        [
            _theirs(SHADOW.handle, "21:44", "Vous avez vu la tête de Camille en sport ?", 0),
            _theirs(BLACK.handle, "21:45", "La honte. J'ai filmé, je poste ça ce soir.", 1),
            _mine("21:46", "Arrêtez s'il vous plaît. Effacez cette vidéo."),
            _theirs(SHADOW.handle, "21:47", words, 0),
            _theirs(PACK.handle, "21:49", "On te lâchera pas. Chacun son message ce soir, allez !", 2),
            _theirs(BLACK.handle, "21:51", "Déjà trois cents vues.", 1),
        ],
    )
    return SampleExhibit(
        name="capture-salon-4eB.png",
        media_type="image/png",
        kind="screenshot",
        content=content,
        declared=Declared(
            day=day,
            hour=time(21, 47),
            author=SHADOW.handle,
            platform=PLATFORM,
            url="https://papotis.example/salons/4e-b-les-vrais/m/77120457",
            words=words,
        ),
    )


def _private(day: date) -> SampleExhibit:
    words = "On t'attend devant le gymnase. Si tu parles, la vidéo part à tout le collège."
    content = _chat(
        day,
        "07:20",
        BLACK.handle,
        "en ligne",
        [
            _theirs(BLACK.handle, "07:11", "T'as cru que tu pouvais nous bloquer ?", 1),
            _theirs(BLACK.handle, "07:12", words, 1),
            _mine("07:15", "Laisse-moi tranquille."),
            _theirs(BLACK.handle, "07:18", "Tu sais même pas qui je suis.", 1),
        ],
        battery="23 %",
    )
    return SampleExhibit(
        name="capture-message-prive.png",
        media_type="image/png",
        kind="screenshot",
        content=content,
        declared=Declared(
            day=day,
            hour=time(7, 12),
            author=BLACK.handle,
            platform=PLATFORM,
            url="https://papotis.example/prive/zed.noir/m/77188032",
            words=words,
        ),
    )


def _mail(day: date) -> SampleExhibit:
    sent = _at(day, 18, 3, 27)
    words = "Tu devrais changer de collège avant que ça devienne pire pour toi."
    message = EmailMessage(policy=SMTP)
    for server, sender, later in (
        ("mx.example.org", "sortie.courrier.invalid ([192.0.2.41])", 4),
        ("sortie.courrier.invalid", "[198.51.100.23]", 1),
    ):
        received = format_datetime(sent + timedelta(seconds=later))
        message["Received"] = f"from {sender} by {server} with ESMTPS; {received}"
    message["Date"] = sent
    message["From"] = Address("ombre 77", addr_spec=SHADOW.email)
    message["To"] = Address(VICTIM.name, addr_spec=VICTIM.email)
    message["Subject"] = "dernier avertissement"
    message["Message-ID"] = f"<{day:%Y%m%d}180327.5113@courrier.invalid>"
    message.set_content(f"{words}\n\nOn est dix-sept, t'es toute seule.\n\n{SHADOW.handle}\n", cte="quoted-printable")
    return SampleExhibit(
        name="dernier-avertissement.eml",
        media_type="message/rfc822",
        kind="e-mail",
        content=message.as_bytes(),
        declared=Declared(
            day=day, hour=time(18, 3), author=str(SHADOW.email), platform="courrier.invalid", url=None, words=words
        ),
    )


def _texts(day: date) -> SampleExhibit:
    """An export in the XML of the usual Android backup tools: epoch milliseconds, type 1 received, 2 sent."""
    words = "J'ai ton numéro maintenant. Réponds ou je le donne à tout le monde."
    messages = (
        (_at(day, 22, 31, 5), "1", words),
        (_at(day, 22, 33, 48), "2", "Qui êtes-vous ?"),
        (_at(day, 22, 34, 12), "1", "Ta pire ombre. 77."),
    )
    exported = _at(day + timedelta(days=1), 8, 0)
    root = ET.Element("smses", count=str(len(messages)), backup_date=_millis(exported), type="full")
    for instant, direction, body in messages:
        ET.SubElement(
            root,
            "sms",
            protocol="0",
            address=str(SHADOW.phone),
            date=_millis(instant),
            type=direction,
            subject="null",
            body=body,
            toa="null",
            sc_toa="null",
            service_center="null",
            read="1",
            status="-1",
            locked="0",
            date_sent=_millis(instant - timedelta(seconds=2)) if direction == "1" else "0",
            readable_date=f"{format_date(instant, 'd MMM y', locale='fr_FR')} {instant:%H:%M:%S}",
            contact_name="(Unknown)",
        )
    ET.indent(root)
    content = ET.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n"
    return SampleExhibit(
        name="export-sms.xml",
        media_type="application/xml",
        kind="sms",
        content=content,
        declared=Declared(day=day, hour=time(22, 31), author=str(SHADOW.phone), platform="SMS", url=None, words=words),
    )


def _millis(instant: datetime) -> str:
    return str(int(instant.astimezone(UTC).timestamp()) * 1000)


def _forum(day: date) -> SampleExhibit:
    words = "Camille P. du collège Jeanne-Valcourt, 4e B : faites-lui savoir ce que vous en pensez."
    url = "https://lepreau.example/salons/college/sujets/90417-la-star-de-la-4e-b"
    posts = (
        (PACK.handle, "septembre 2026", "41", _at(day, 16, 8), words),
        (SHADOW.handle, "mars 2025", "212", _at(day, 16, 20), "Je lance : la plus nulle du collège. À vous."),
        ("passante", "mai 2024", "9", _at(day, 17, 2), "C'est du harcèlement. Je signale ce sujet."),
        (BLACK.handle, "janvier 2026", "87", _at(day, 17, 41), "Signale si tu veux, on en refait un."),
    )
    data = {
        "site": FORUM,
        "topic": "La star de la 4e B",
        "path": f"Salons › Collège › {SCHOOL} › La star de la 4e B",
        "url": url,
        "printed": f"{day:%d/%m/%Y} 19:26",
        "views": "318",
        "posts": [
            {
                "author": author,
                "initial": author[0].upper(),
                "since": since,
                "count": count,
                "when": f"{_long(instant.date())} à {instant:%H h %M}",
                "text": text,
            }
            for author, since, count, instant, text in posts
        ],
    }
    return SampleExhibit(
        name="forum-la-star-de-la-4eB.pdf",
        media_type="application/pdf",
        kind="post",
        content=typeset(_HERE / "forum.typ", data, created=_at(day, 19, 26)),
        declared=Declared(day=day, hour=time(16, 8), author=PACK.handle, platform=FORUM, url=url, words=words),
    )


def _photo(day: date) -> SampleExhibit:
    words = "On sait où t'habites. Bonne nuit."
    screen = _chat(
        day,
        "23:06",
        PACK.handle,
        "vu à l'instant",
        [
            _theirs(PACK.handle, "22:58", "Nouveau compte, tu peux pas tous nous bloquer.", 2),
            _theirs(PACK.handle, "23:04", words, 2),
        ],
        battery="9 %",
    )
    return SampleExhibit(
        name="photo-de-l-ecran.jpg",
        media_type="image/jpeg",
        kind="photo",
        content=photographed(screen, taken=_at(day, 23, 7, 41)),
        declared=Declared(
            day=day,
            hour=time(23, 4),
            author=PACK.handle,
            platform=PLATFORM,
            url="https://papotis.example/prive/la_meute_4b/m/77940116",
            words=words,
        ),
    )
