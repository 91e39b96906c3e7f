"""The parameters a rule may carry, one frozen model per kind of rule; every figure of the law lives in these."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.legal.rules.vocabulary import (
    ActKind,
    Area,
    Authority,
    ComplaintFact,
    DataClass,
    Effect,
    Fact,
    HearingKind,
    ProceduralAct,
    Procedure,
    Regime,
    StartsFrom,
)

FROZEN = ConfigDict(frozen=True, extra="forbid")
Count = Annotated[int, Field(strict=True, ge=0)]
Text = Annotated[str, Field(min_length=1)]


class Delay(BaseModel):
    """A delay in years, months and days, at least one of them positive."""

    model_config = FROZEN
    years: Count = 0
    months: Count = 0
    days: Count = 0

    @model_validator(mode="after")
    def _not_empty(self) -> Delay:
        if not (self.years or self.months or self.days):
            raise ValueError("a delay needs years, months or days")
        return self


class Route(BaseModel):
    """One way into an offence: any of ``kinds``, with all of ``requires`` and none of ``forbids``."""

    model_config = FROZEN
    kinds: Annotated[tuple[ActKind, ...], Field(min_length=1)]
    requires: tuple[Fact, ...] = ()
    forbids: tuple[Fact, ...] = ()


class Tier(BaseModel):
    """A maximum penalty, owed when all of ``requires`` hold and enough aggravations are counted."""

    model_config = FROZEN
    requires: tuple[Fact, ...] = ()
    aggravations_at_least: Count = 0
    prison_months: Count
    fine_cents: Count


class OffenceParameters(BaseModel):
    """What makes an offence a candidate, its penalties, and which limitation runs from when."""

    model_config = FROZEN
    kind: Literal["offence"]
    label_fr: Text
    regime: Regime
    hate_regime: Regime | None = None
    counted_from: Literal[StartsFrom.ACT, StartsFrom.LAST_ACT, StartsFrom.FIRST_PUBLICATION]
    routes: Annotated[tuple[Route, ...], Field(min_length=1)]
    aggravations: tuple[Fact, ...] = ()
    tiers: Annotated[tuple[Tier, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _has_a_base(self) -> OffenceParameters:
        if not any(not tier.requires and not tier.aggravations_at_least for tier in self.tiers):
            raise ValueError("one tier must apply with no circumstance")
        return self


class LimitationParameters(BaseModel):
    """How long an action may be brought, how long runs again after an interrupting act, and from majority or not."""

    model_config = FROZEN
    kind: Literal["limitation"]
    regime: Regime
    delay: Delay
    restart: Delay
    from_majority: bool = False


class ComputingParameters(BaseModel):
    """How a limitation in months or years is counted: from a day of the month to the same day."""

    model_config = FROZEN
    kind: Literal["computing"]
    last_day_included: bool
    missing_day: Literal["end-of-month"]
    extended_to_working_day: Literal[False]


class InterruptionParameters(BaseModel):
    """The effect of an act of procedure on a limitation; a contested effect counts as none."""

    model_config = FROZEN
    kind: Literal["interruption"]
    regimes: Annotated[tuple[Regime, ...], Field(min_length=1)]
    act: ProceduralAct
    effect: Effect
    contested: bool = False
    at_most: Delay | None = None

    @model_validator(mode="after")
    def _bounded(self) -> InterruptionParameters:
        if (self.effect is Effect.SUSPENDS) != (self.at_most is not None):
            raise ValueError("a suspension, and nothing else, needs at_most")
        return self


class AlertParameters(BaseModel):
    """A lawyer is paged when fewer days than this are left; ``not_press``: kinds that alone cannot be press."""

    model_config = FROZEN
    kind: Literal["alert"]
    days_below: Count
    not_press: tuple[ActKind, ...]


class GatePath(BaseModel):
    """One lawful way to a class of data: the offence's maximum prison, circumstances, and where it stays doubtful."""

    model_config = FROZEN
    name: Text
    prison_months_at_least: Count
    requires: tuple[Fact, ...] = ()
    doubtful_for: tuple[Regime, ...] = ()


class GateParameters(BaseModel):
    model_config = FROZEN
    kind: Literal["gate"]
    data_class: DataClass
    paths: Annotated[tuple[GatePath, ...], Field(min_length=1)]


class AuthorityParameters(BaseModel):
    """Who may ask for which classes; ``order`` is the order in which they are shown."""

    model_config = FROZEN
    kind: Literal["authority"]
    authority: Authority
    data_classes: Annotated[tuple[DataClass, ...], Field(min_length=1)]
    order: Count
    conditions_vary: bool = False


class PrivateRequestParameters(BaseModel):
    model_config = FROZEN
    kind: Literal["private-request"]
    binds: Literal[False]


class RetentionParameters(BaseModel):
    """How long a class of data must be kept, and from which day."""

    model_config = FROZEN
    kind: Literal["retention"]
    data_class: DataClass
    starts_from: Literal[StartsFrom.ACT, StartsFrom.ACCOUNT_CLOSED, StartsFrom.CONTRACT_ENDED]
    delay: Delay


class OfferParameters(BaseModel):
    """The offer takes affairs of fewer authors than this; ``other_route`` is what is shown otherwise."""

    model_config = FROZEN
    kind: Literal["offer"]
    authors_below: Count
    other_route: Text


class AreaExtra(BaseModel):
    model_config = FROZEN
    area: Area
    delay: Delay


class NoticeParameters(BaseModel):
    """How long before a hearing the call must be served, at most how long, and what distance adds."""

    model_config = FROZEN
    kind: Literal["notice"]
    hearings: Annotated[tuple[HearingKind, ...], Field(min_length=1)]
    at_least: Delay
    at_most: Delay | None = None
    extra: tuple[AreaExtra, ...] = ()


class CivilPartyNoticeParameters(BaseModel):
    """How many hours before the hearing a civil party's letter must be in, by which channels, curable or not."""

    model_config = FROZEN
    kind: Literal["civil-party-notice"]
    hours_at_least: Count
    channels: tuple[Text, ...]
    curable: bool
    needs_proof_of_harm: bool


class AppealParameters(BaseModel):
    """Days to appeal, what the others get once somebody has, and what the civil party may appeal on."""

    model_config = FROZEN
    kind: Literal["appeal"]
    delay: Delay
    others_extra: Delay
    civil_party_scope: Literal["civil-interests"]


class ClaimParameters(BaseModel):
    """When a fund may be asked for compensation: windows counted from the facts or from the final decision."""

    model_config = FROZEN
    kind: Literal["claim"]
    fund: Literal["civi", "sarvi"]
    opens_after: Delay | None = None
    from_facts: Delay | None = None
    from_decision: Delay


class Opening(BaseModel):
    """What opens a procedure: something that happened, and how long after."""

    model_config = FROZEN
    after: Literal["always", "complaint-refused", "complaint-filed", "police-copy-sent-to-prosecutor"]
    delay: Delay | None = None


class ProcedureParameters(BaseModel):
    """Court, form, what opens it, deposit and what blocks it."""

    model_config = FROZEN
    kind: Literal["procedure"]
    procedure: Procedure
    court: Text
    form: tuple[Text, ...]
    openings: Annotated[tuple[Opening, ...], Field(min_length=1)]
    always_open_for: tuple[ComplaintFact, ...] = ()
    blocked_by: tuple[ComplaintFact, ...] = ()
    deposit: Literal["none", "set-by-court"]
    deposit_waived_by: tuple[ComplaintFact, ...] = ()


class ContentParameters(BaseModel):
    """One thing that a complaint carries, for which procedures, once or for each act, and when it is due."""

    model_config = FROZEN
    kind: Literal["content"]
    item: Text
    label_fr: Text
    scope: Literal["complaint", "act"]
    procedures: Annotated[tuple[Procedure, ...], Field(min_length=1)]
    only_when: tuple[ComplaintFact, ...] = ()
    except_when: tuple[ComplaintFact, ...] = ()


AnyParameters = (
    OffenceParameters
    | LimitationParameters
    | ComputingParameters
    | InterruptionParameters
    | AlertParameters
    | GateParameters
    | AuthorityParameters
    | PrivateRequestParameters
    | RetentionParameters
    | OfferParameters
    | NoticeParameters
    | CivilPartyNoticeParameters
    | AppealParameters
    | ClaimParameters
    | ProcedureParameters
    | ContentParameters
)
Parameters = Annotated[AnyParameters, Field(discriminator="kind")]
