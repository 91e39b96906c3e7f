"""What each receipt says, in the words of the person who holds it: English, then French."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, Literal

Language = Literal["en", "fr"]

EVENTS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "case-opened": ("the case was opened", "le dossier a été ouvert"),
        "case-updated": ("the facts of the case were changed", "les éléments du dossier ont été modifiés"),
        "case-escalated": ("a member of the team was called", "un membre de l’équipe a été appelé"),
        "case-assigned": ("a member of the team took the case", "un membre de l’équipe a pris le dossier en charge"),
        "access-granted": ("somebody was given access to the case", "un accès au dossier a été donné"),
        "access-revoked": ("an access to the case was ended", "un accès au dossier a été retiré"),
        "identity-proven": ("the identity was checked", "l’identité a été vérifiée"),
        "case-closed": ("the case was closed", "le dossier a été clos"),
        "erasure-planned": ("the erasure of the case was planned", "l’effacement du dossier a été programmé"),
        "case-erased": (
            "the case was erased: its keys are destroyed",
            "le dossier est effacé : ses clés sont détruites",
        ),
        "erasure-cleared": (
            "this service has cleared what it held of the case",
            "ce service a effacé ce qu’il détenait du dossier",
        ),
        "erasure-objected": ("the law keeps the case from being erased", "la loi s’oppose à l’effacement du dossier"),
        "record-viewed": ("somebody read a part of the case", "une partie du dossier a été consultée"),
        "checkpoint": ("the service counted what it has stored", "le service a fait le compte de ce qu’il conserve"),
        "evidence-uploaded": ("an exhibit was received and stored", "une pièce a été reçue et conservée"),
        "evidence-timestamped": (
            "a timestamp authority attested that an exhibit existed",
            "une autorité d’horodatage a attesté l’existence d’une pièce",
        ),
        "evidence-refused": ("an exhibit could not be used", "une pièce n’a pas pu être utilisée"),
        "evidence-quarantined": ("an exhibit was set apart as harmful", "une pièce dangereuse a été isolée"),
        "evidence-withdrawn": ("an exhibit was taken back", "une pièce a été retirée"),
        "acts-extracted": ("dated messages were read from an exhibit", "des messages datés ont été lus dans une pièce"),
        "bundle-sealed": ("the bundle for justice was made", "le dossier de pièces pour la justice a été constitué"),
        "limitation-computed": ("the time limits were computed", "les délais de prescription ont été calculés"),
        "deadline-threatened": ("a time limit is near", "un délai approche"),
        "hold-placed": ("a lawful hold was placed on the case", "une conservation légale a été posée sur le dossier"),
        "hold-lifted": ("a lawful hold was lifted", "une conservation légale a été levée"),
        "case-diagnosed": ("the free diagnosis was given", "le diagnostic gratuit a été rendu"),
        "complaint-drafted": ("a complaint was drafted", "un projet de plainte a été rédigé"),
        "complaint-approved": ("a lawyer approved the complaint", "un avocat a approuvé la plainte"),
        "complaint-filed": ("the complaint was filed", "la plainte a été déposée"),
        "complaint-answered": ("the complaint was answered", "une réponse à la plainte a été reçue"),
        "removal-requested": ("the removal of a content was asked for", "le retrait d’un contenu a été demandé"),
        "removal-answered": (
            "a request for removal was answered",
            "une réponse à une demande de retrait a été reçue",
        ),
        "preservation-requested": (
            "a platform was asked to keep data",
            "la conservation de données a été demandée à une plateforme",
        ),
        "preservation-answered": (
            "a platform answered a request to keep data",
            "une plateforme a répondu à une demande de conservation",
        ),
        "identification-requested": (
            "an authority was asked to identify an author",
            "l’identification d’un auteur a été demandée à une autorité",
        ),
        "author-identified": ("an author was identified", "un auteur a été identifié"),
        "hearing-scheduled": ("a hearing was set or changed", "une audience a été fixée ou modifiée"),
        "judgment-given": ("a judgment was given", "un jugement a été rendu"),
        "funding-chosen": (
            "the way of bearing the costs was chosen",
            "le mode de prise en charge des frais a été choisi",
        ),
        "cover-asked": ("the insurer was asked to bear the costs", "la prise en charge a été demandée à l’assureur"),
        "cover-decided": ("the insurer's answer was recorded", "la réponse de l’assureur a été enregistrée"),
        "payment-requested": ("a payment was asked for", "un paiement a été demandé"),
        "payment-received": ("a payment was received", "un paiement a été reçu"),
        "payment-refunded": ("a payment was given back", "un paiement a été remboursé"),
        "costs-recovered": (
            "costs were recovered from the convicted",
            "des frais ont été recouvrés auprès du condamné",
        ),
        "invoice-issued": ("an invoice was issued", "une facture a été émise"),
        "notification-sent": ("a message was sent to the person", "un message a été envoyé à la personne"),
        "notification-failed": ("a message could not be sent", "un message n’a pas pu être envoyé"),
    }
)
"""By the event's name; a receipt of an event that is not here is told by its name."""

_SENTENCES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "event": (
            "On {time}, {issuer} recorded for case {case}: {words}. Receipt of {issued}.",
            "Le {time}, {issuer} a enregistré pour le dossier {case} : {words}. Reçu établi le {issued}.",
        ),
        "erasure": (
            (
                "On {issued}, {issuer} certified that the keys of case {case} are destroyed: nobody can read what was "
                "sealed to it. Cleared: {cleared}. Kept, because the law says so: {kept}. Still readable: {readable}."
            ),
            (
                "Le {issued}, {issuer} a certifié que les clés du dossier {case} sont détruites : personne ne peut "
                "plus lire ce qui lui était scellé. Effacé : {cleared}. Conservé par obligation légale : {kept}. "
                "Reste lisible : {readable}."
            ),
        ),
        "other": (
            "On {issued}, {issuer} signed this, which this program has no words for: {claims}.",
            "Le {issued}, {issuer} a signé ceci, que ce programme ne sait pas dire : {claims}.",
        ),
        "in-log": ("The log holds it as it was.", "Le journal le contient à l’identique."),
        "altered-in-log": (
            "THE LOG HOLDS SOMETHING ELSE under its id: the log or the store was changed afterwards.",
            "LE JOURNAL CONTIENT AUTRE CHOSE sous cet identifiant : il a été modifié après coup.",
        ),
        "not-in-log": (
            "THE LOG DOES NOT HOLD IT: the log is older, or it was taken out.",
            "LE JOURNAL NE LE CONTIENT PAS : il est plus ancien, ou l’enregistrement en a été retiré.",
        ),
        "nothing": ("nothing", "rien"),
    }
)


Sentence = Literal["event", "erasure", "other", "in-log", "altered-in-log", "not-in-log"]


def sentence(kind: Sentence, language: Language, **said: Any) -> str:
    """The sentence of that kind with its blanks filled. Raises KeyError on a missing one."""
    return _SENTENCES[kind][_COLUMN[language]].format(**said)


def words_of(event: str, language: Language) -> str:
    """What an event of that name is, in words; the name itself where there are none."""
    found = EVENTS.get(event)
    return event if found is None else found[_COLUMN[language]]


def nothing(language: Language) -> str:
    """The word for nothing."""
    return _SENTENCES["nothing"][_COLUMN[language]]


_COLUMN: Final[Mapping[Language, int]] = MappingProxyType({"en": 0, "fr": 1})
