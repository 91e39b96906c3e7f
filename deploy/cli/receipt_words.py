"""What each receipt says, in the words of the person who holds it: English, then French."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, Literal

from shared.errors import SignatureFault

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
            "Le {time}, le service {issuer} a enregistré pour le dossier {case} : {words}. Reçu établi le {issued}.",
        ),
        "erasure": (
            (
                "On {issued}, {issuer} certified that the keys of case {case} are destroyed: nobody can read what was "
                "sealed to it. Cleared: {cleared}. Kept, because the law says so: {kept}. Still readable: {readable}."
            ),
            (
                "Le {issued}, le service {issuer} a certifié que les clés du dossier {case} sont détruites : "
                "personne ne peut plus lire ce qui lui était scellé. Services qui ont effacé ce qu’ils détenaient : "
                "{cleared}. Conservé par obligation légale : {kept}. Reste lisible : {readable}."
            ),
        ),
        "other": (
            "On {issued}, {issuer} signed this, which this program has no words for: {claims}.",
            "Le {issued}, le service {issuer} a signé ceci, que ce programme ne sait pas dire : {claims}.",
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
        "unreadable": (
            "It is none of our receipts, or it was cut or changed: take it from where you first kept it.",
            "Ce n’est pas un de nos reçus, ou il a été coupé ou modifié : reprenez-le là où vous l’aviez gardé.",
        ),
        "unknown-key": (
            "No key of these services signed it: fetch service-keys.json again; else it is no receipt of ours.",
            (
                "Aucune clé de ces services ne l’a signé : téléchargez de nouveau service-keys.json ; sinon, ce n’est "
                "pas un de nos reçus."
            ),
        ),
        "another-owner": (
            "It gives itself out as issued by {issuer}, but key {key} is {owner}'s: it is no receipt of ours.",
            "Il se dit établi par {issuer}, mais la clé {key} est celle de {owner} : ce n’est pas un de nos reçus.",
        ),
        "outside-validity": (
            "Key {key} is outside its validity: it holds from {begins} to {ends}, and the receipt is of {issued}.",
            "La clé {key} n’était pas valable : elle vaut du {begins} au {ends}, et le reçu est du {issued}.",
        ),
        "altered": (
            "It is not as {issuer} signed it: it was changed. Take it from where you first kept it.",
            (
                "Il n’est pas tel que le service {issuer} l’a signé : il a été modifié. Reprenez-le là où vous l’aviez "
                "gardé."
            ),
        ),
        "no-file": (
            "It cannot be read ({error}): check its name and rights.",
            "Il est illisible ({error}) : vérifiez son nom et ses droits.",
        ),
        "too-large": (
            "It is over {megabytes} MB: give the receipts alone.",
            "Il dépasse {megabytes} Mo : donnez les reçus seuls.",
        ),
        "other-words": (
            "It holds something else than receipts (words such as aaa.bbb.ccc).",
            "Il contient autre chose que des reçus (des mots comme aaa.bbb.ccc).",
        ),
        "no-receipt": ("There is no receipt in it.", "Il ne contient aucun reçu."),
        "no-keys": (
            "This is not a set of service keys: fetch service-keys.json again.",
            "Ce ne sont pas les clés des services : téléchargez de nouveau service-keys.json.",
        ),
        "no-log": (
            "Its line {line} is no record of log.jsonl: export the log again.",
            "Sa ligne {line} n’est pas un enregistrement de log.jsonl : exportez le journal de nouveau.",
        ),
        "good": ("good", "valable"),
        "not-good": ("NOT GOOD", "NON VALABLE"),
        "not-checked": ("NOT CHECKED", "NON VÉRIFIÉ"),
        "count": (
            "{good} good, {bad} not good, {files} files not checked.",
            "Reçus valables : {good} ; non valables : {bad} ; fichiers non vérifiés : {files}.",
        ),
    }
)

TERMS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "exhibit-tombstone": ("that there were exhibits", "la trace qu’il y a eu des pièces"),
        "invoices": ("invoices", "des factures"),
        "identifiers": ("identifiers", "des identifiants"),
        "event-names": ("the names of events", "les noms des événements"),
        "instants-of-events": ("the instants of events", "les instants des événements"),
        "days-of-acts-and-deadlines": ("the days of acts and deadlines", "les jours des faits et des échéances"),
        "coarse-kinds": ("coarse kinds", "des catégories générales"),
        "that-there-is-a-hate-ground": ("that there is a hate ground", "l’existence d’un motif de haine"),
        "persona-and-roles": ("persona and roles", "le profil et les rôles"),
        "amounts": ("amounts", "des montants"),
        "salted-commitments": ("salted commitments", "des empreintes salées"),
    }
)
"""What an erasure keeps and leaves readable, as its certificate names it."""

Fault = Literal["no-file", "too-large", "other-words", "no-receipt", "no-keys", "no-log"]
"""Why a file cannot be checked."""

Verdict = Literal["good", "not-good", "not-checked"]
Told = Literal["event", "erasure", "other", "in-log", "altered-in-log", "not-in-log", "count"]
Sentence = Verdict | Told | SignatureFault | Fault


def sentence(kind: Sentence, language: Language, **said: Any) -> str:
    """The sentence of that kind with its blanks filled. Raises KeyError on a missing one."""
    return _SENTENCES[kind][_COLUMN[language]].format(**said)


def words_of(event: str, language: Language) -> str:
    """What an event of that name is, in words; the name itself where there are none."""
    return EVENTS.get(event, (event, event))[_COLUMN[language]]


def term(name: str, language: Language) -> str:
    """What an erasure's certificate names so, in words; the name itself where there are none."""
    return TERMS.get(name, (name, name))[_COLUMN[language]]


def nothing(language: Language) -> str:
    """The word for nothing."""
    return _SENTENCES["nothing"][_COLUMN[language]]


_COLUMN: Final[Mapping[Language, int]] = MappingProxyType({"en": 0, "fr": 1})
