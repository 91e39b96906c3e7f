"""What the lawyer of the demonstration gives for the complaint: every part that a complaint carries, all fictional."""

from __future__ import annotations

from datetime import date
from typing import Any

from deploy.demo.exhibits import PLATFORM
from deploy.demo.people import AUTHORS, GUARDIAN, SCHOOL

COURT = "Tribunal judiciaire d’Exempleville"
BAR = "Valmont"


def particulars(today: date, acts: list[dict[str, Any]]) -> dict[str, Any]:
    """The body's ``particulars``; ``today`` in Europe/Paris, ``acts`` as the lawyer read them in the exhibits."""
    return {
        "representation": {
            "person": {
                "last_name": GUARDIAN.last_name,
                "first_names": GUARDIAN.first_name,
                "birth_day": GUARDIAN.birth_day.isoformat(),
            },
            "capacity": "Titulaire de l’autorité parentale",
            "proof": "Copie du livret de famille, vérifiée par le service",
        },
        "mandate": {
            "lawyer": "Me Alix Exemple",
            "bar": BAR,
            "address": "1 place du Palais, 00000 Valmont",
            "given_on": today.isoformat(),
            "reference": "Mandat 2026-001",
        },
        "court": {
            "addressee": "Procureur de la République",
            "name": COURT,
            "address": "2 place du Palais, 00000 Exempleville",
            "ground": "Domicile de la victime, faits commis en ligne",
        },
        "drawn_up_at": "Exempleville",
        "authors": [
            {
                "number": number,
                "platform": PLATFORM,
                "account": author.handle,
                "permanent_id": author.permanent_id,
            }
            for number, author in enumerate(AUTHORS, 1)
        ],
        "harm": {
            "description": "Peur d’aller en cours, sommeil perdu, suivi par l’infirmière scolaire.",
            "itt_days": 5,
            "certificates": [
                {
                    "day": today.isoformat(),
                    "issuer": "Dr Morgane Exemple",
                    "itt_days": 5,
                }
            ],
        },
        "earlier_complaints": [{"place": "Commissariat d’Exempleville", "outcome": "main courante"}],
        "witnesses": [{"name": "Lou Témoin-Exemple", "subject": f"Messages lus au {SCHOOL}"}],
        "requests": ["Identifier les titulaires des comptes cités"],
        "formalities": {"written-and-signed": "oui", "receipt-owed": "demandé au dépôt"},
        "acts": acts,
        "signature": {"lawyer": "Me Alix Exemple", "bar": BAR},
    }


def known_author(account: str) -> dict[str, Any]:
    """Number and permanent id of the author whose account, mail or telephone this is."""
    for number, author in enumerate(AUTHORS, 1):
        if account in {author.handle, author.email, author.phone}:
            return {"author": number, "permanent_id": author.permanent_id}
    return {}
