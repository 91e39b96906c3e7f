"""The words that rules and engines share: facts of an act, regimes, data classes, procedures, places."""

from __future__ import annotations

from enum import StrEnum


class ActKind(StrEnum):
    """What was done, as coarse as a person can tell at opening."""

    INSULT = "insult"
    THREAT = "threat"
    REPEATED_MESSAGES = "repeated-messages"
    RAID = "raid"
    SEXUAL_REMARKS = "sexual-remarks"
    INTIMATE_IMAGE = "intimate-image"
    FAKE_IMAGE = "fake-image"
    SEXUAL_DEEPFAKE = "sexual-deepfake"
    DOXING = "doxing"
    IDENTITY_THEFT = "identity-theft"
    BLACKMAIL = "blackmail"
    DEFAMATION = "defamation"
    PROVOCATION = "provocation"


class Fact(StrEnum):
    """A circumstance of an act: known to be true, known to be false, or open."""

    ONLINE = "online"
    PUBLIC = "public"
    REPEATED = "repeated"
    HATE_GROUND = "hate-ground"
    VICTIM_MINOR = "victim-minor"
    YOUNG_MINOR = "young-minor"
    VULNERABLE = "vulnerable"
    MINOR_PRESENT = "minor-present"
    ELECTED_OFFICIAL = "elected-official"
    LONG_INCAPACITY = "long-incapacity"
    SUICIDE = "suicide-or-attempt"
    SCHOOL = "school"
    WORKPLACE = "workplace"
    PARTNER = "partner"
    DEATH_THREAT = "death-threat"
    CALLS_TO_CRIME = "calls-to-crime"
    AUTHOR_OFFICIAL = "author-public-official"
    VICTIM_DEVICE = "victim-device-at-her-request"


class Regime(StrEnum):
    """Which limitation runs."""

    DELIT = "delit"
    DELIT_ON_MINOR = "delit-on-minor"
    PRESS = "press"
    PRESS_HATE = "press-hate"
    NON_PUBLIC_INSULT = "non-public-insult"


class StartsFrom(StrEnum):
    """The day from which a delay is counted."""

    ACT = "act"
    LAST_ACT = "last-act"
    FIRST_PUBLICATION = "first-publication"
    ACCOUNT_CLOSED = "account-closed"
    CONTRACT_ENDED = "contract-ended"
    FACTS = "facts"
    FINAL_DECISION = "final-decision"


class ProceduralAct(StrEnum):
    """An act of procedure whose effect on limitation is asked."""

    SIMPLE_COMPLAINT = "simple-complaint"
    CIVIL_PARTY_COMPLAINT = "civil-party-complaint"
    DIRECT_SUMMONS = "direct-summons"
    QUALIFIED_REQUISITION = "qualified-requisition"
    PLAIN_REQUISITION = "plain-requisition"
    PROSECUTION = "prosecution"
    JUDGMENT = "judgment"
    LEGAL_AID_REQUEST = "legal-aid-request"
    PRESERVATION_REQUEST = "preservation-request"


class Effect(StrEnum):
    INTERRUPTS = "interrupts"
    SUSPENDS = "suspends"
    NONE = "none"


class DataClass(StrEnum):
    """Classes of data that platforms and operators keep about an author."""

    IDENTITY = "identity"
    ACCOUNT = "account"
    TECHNICAL = "technical"


class Authority(StrEnum):
    """Who may ask for data with binding effect."""

    POLICE = "police"
    PROSECUTOR = "prosecutor"
    INVESTIGATING_JUDGE = "investigating-judge"
    EU_ORDER = "eu-order"
    CIVIL_JUDGE = "civil-judge"


class Procedure(StrEnum):
    SIMPLE = "simple"
    CIVIL_PARTY = "civil-party"
    DIRECT_SUMMONS = "direct-summons"
    CIVIL = "civil"


class HearingKind(StrEnum):
    """How the accused was called, or which hearing of a minor it is."""

    DIRECT_SUMMONS = "direct-summons"
    PROSECUTOR_SUMMONS = "prosecutor-summons"
    PRESS_SUMMONS = "press-summons"
    MINOR_GUILT = "minor-guilt"
    MINOR_SANCTION = "minor-sanction"
    CIVIL = "civil"


class Area(StrEnum):
    """Where the summoned party lives, seen from the court."""

    MAINLAND = "mainland"
    OVERSEAS = "overseas"
    EUROPEAN_UNION = "european-union"
    ELSEWHERE = "elsewhere"


class ComplaintFact(StrEnum):
    """What a complaint is about, where it changes what the complaint must carry or what may be filed."""

    MINOR_PERSON = "minor-person"
    REPRESENTED = "represented"
    PRESS_OFFENCE = "press-offence"
    MINOR_AUTHOR = "minor-author"
    LEGAL_AID = "legal-aid"
    DATA_TO_REQUISITION = "data-to-requisition"
    INJURY = "injury"
