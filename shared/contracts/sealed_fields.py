"""What each sealed field of the events holds, and the purpose whose key opens it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from shared.contracts.intake import PurposeName
from shared.contracts.sealed import (
    Account,
    ActsRead,
    Advice,
    Authors,
    Contact,
    Damages,
    DocumentDigest,
    ExhibitDetails,
    Facts,
    HearingDetails,
    IdentificationTarget,
    Identity,
    Policy,
    PreservationTarget,
    ReceiptDetails,
    RemovalTarget,
    SealedValue,
)


class Content(NamedTuple):
    """What a sealed field holds: the ``purpose`` whose key opens it, and its ``model``."""

    purpose: PurposeName
    model: type[SealedValue]


_OF_CASE: Final = {
    "sealed_contact": Content("contact", Contact),
    "sealed_account": Content("account", Account),
    "sealed_facts": Content("evidence", Facts),
    "sealed_authors": Content("authors", Authors),
}

SEALED: Final[Mapping[tuple[str, str], Content]] = MappingProxyType(
    {
        **{(event, field): content for event in ("case-opened", "case-updated") for field, content in _OF_CASE.items()},
        ("evidence-uploaded", "sealed_details"): Content("evidence", ExhibitDetails),
        ("acts-extracted", "sealed_acts"): Content("evidence", ActsRead),
        ("bundle-sealed", "sealed_digest"): Content("evidence", DocumentDigest),
        ("case-diagnosed", "sealed_advice"): Content("contact", Advice),
        ("complaint-drafted", "sealed_digest"): Content("evidence", DocumentDigest),
        ("complaint-filed", "sealed_receipt"): Content("evidence", ReceiptDetails),
        ("removal-requested", "sealed_target"): Content("evidence", RemovalTarget),
        ("preservation-requested", "sealed_target"): Content("evidence", PreservationTarget),
        ("identification-requested", "sealed_target"): Content("authors", IdentificationTarget),
        ("author-identified", "sealed_identity"): Content("authors", Identity),
        ("hearing-scheduled", "sealed_details"): Content("contact", HearingDetails),
        ("judgment-given", "sealed_damages"): Content("contact", Damages),
        ("cover-asked", "sealed_policy"): Content("contact", Policy),
        ("invoice-issued", "sealed_digest"): Content("contact", DocumentDigest),
        ("partner.court-notice", "sealed_details"): Content("contact", HearingDetails),
        ("partner.filing-receipt", "sealed_receipt"): Content("evidence", ReceiptDetails),
    }
)
"""(Event name or partner topic, field) → what it holds. A referral's contact is sealed to no case, hence not here."""
