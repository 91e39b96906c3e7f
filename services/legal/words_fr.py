"""French words of the complaint for what the rules name by code."""

from __future__ import annotations

from typing import Final

from services.legal.rules.vocabulary import DataClass

MONTHS: Final = 12
DATA_FR: Final = {
    DataClass.IDENTITY: "Identité civile déclarée",
    DataClass.ACCOUNT: "Données de compte et de paiement",
    DataClass.TECHNICAL: "Données techniques de connexion (adresse IP et port)",
}
AUTHORITY_FR: Final = {
    "police": "réquisition de police judiciaire",
    "prosecutor": "réquisition du procureur de la République",
    "investigating-judge": "réquisition du juge d’instruction",
    "eu-order": "injonction européenne de production",
    "civil-judge": "mesure d’instruction demandée au juge civil",
}
FORM_FR: Final = {
    "written-and-signed": "Plainte écrite et signée",
    "receipt-owed": "Récépissé dû au plaignant, qui mentionne la prescription",
    "proof-of-the-earlier-complaint-by-receipt-or-registered-letter": "Preuve de la plainte préalable",
    "domicile-declared": "Adresse déclarée",
    "deposit-paid-in-time": "Consignation versée dans le délai fixé",
    "served-by-bailiff": "Signification par commissaire de justice",
    "author-identified": "Auteur identifié",
}
COURT_FR: Final = {
    "prosecutor-of-the-place-of-the-offence-or-of-the-suspect-or-of-the-victim-online": "Procureur de la République",
    "senior-investigating-judge": "Doyen des juges d’instruction",
    "criminal-court": "Tribunal correctionnel",
    "judicial-court": "Tribunal judiciaire",
}
ANSWER_FR: Final = {
    "registered": "enregistrée",
    "refused": "refusée",
    "closed": "classée sans suite",
    "prosecuted": "poursuites engagées",
}


def penalty_fr(prison_months: int, fine_cents: int) -> str:
    """A maximum penalty in French words."""
    years, months = divmod(prison_months, MONTHS)
    prison = f"{years} an{'s' if years > 1 else ''}" if years and not months else f"{prison_months} mois"
    fine = f"{fine_cents // 100:,} euros d’amende".replace(",", " ")
    return f"{prison} d’emprisonnement et {fine}" if prison_months else fine
