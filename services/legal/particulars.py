"""What a draft says: what the lawyer gives, and what the case's sealed facts give where the lawyer says nothing.

Exhibits are numbered in the order of ``exhibits``; acts, certificates and witnesses quote those numbers. Whatever
nobody told stays empty and is printed as "non renseigné".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from services.legal import documents as document
from services.legal.domain.complaint_contents import contents_due
from services.legal.domain.diagnosis import Proposal
from services.legal.domain.folder import Exhibit, Folder, Stamp
from services.legal.domain.identification import Feasibility
from services.legal.domain.qualification import Candidate
from services.legal.domain.state import Case, reported
from services.legal.rules import load
from services.legal.rules.parameters import ProcedureParameters
from services.legal.rules.vocabulary import ComplaintFact, Procedure
from services.legal.words_fr import ANSWER_FR, AUTHORITY_FR, COURT_FR, DATA_FR, FORM_FR, penalty_fr
from shared.contracts.intake import ReportedAct
from shared.contracts.sealed import ActDetails, Authors, Contact, ExhibitDetails, Facts
from shared.errors import BrokenContract


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class ActTold(ActDetails):
    """What the lawyer tells of one act of the case. ``exhibits``, ``author``: numbers; ``offences``: rule ids."""

    exhibits: tuple[document.Number, ...] = ()
    author: document.Number | None = None
    offences: tuple[str, ...] = ()


class Signature(_Told):
    """The lawyer under whose name the draft is made ready to be filed."""

    lawyer: Annotated[str, Field(min_length=1, max_length=200)]
    bar: Annotated[str, Field(min_length=1, max_length=200)]


class Particulars(_Told):
    """A draft's particulars as they are sealed (purpose evidence).

    ``signature``: the draft is the one to be filed, without the mention of a project; it is shown to nobody but the
    team before it is approved.
    """

    victim: document.CivilStatus | None = None
    domicile: document.Domicile | None = None
    representation: document.Representation | None = None
    mandate: document.Mandate | None = None
    court: document.Court | None = None
    hearing_at: AwareDatetime | None = None
    drawn_up_at: str | None = None
    authors: tuple[document.Author, ...] = ()
    summary: str | None = None
    acts: Annotated[tuple[ActTold, ...], Field(max_length=200)] = ()
    harm: document.Harm = document.Harm()
    earlier_complaints: tuple[document.EarlierComplaint, ...] = ()
    witnesses: tuple[document.Witness, ...] = ()
    requests: tuple[str, ...] = ()
    formalities: dict[str, str] = Field(default_factory=dict)
    deposit_cents: Annotated[int, Field(ge=0)] | None = None
    deposit_waiver: str | None = None
    exhibits: Annotated[tuple[str, ...], Field(max_length=1000)] | None = None
    signature: Signature | None = None


class Sources(BaseModel):
    """What was opened for a draft: ``exhibits`` are those that may be listed, with their ``details``.

    ``read``: what extractions say of acts, by act id.
    """

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    contact: Contact = Contact()
    facts: Facts = Facts()
    authors: Authors = Authors()
    exhibits: dict[str, Exhibit] = Field(default_factory=dict)
    details: dict[str, ExhibitDetails] = Field(default_factory=dict)
    stamps: dict[str, Stamp] = Field(default_factory=dict)
    read: dict[str, ActDetails] = Field(default_factory=dict)


def usable(state: Case, folders: Iterable[tuple[str, Folder]]) -> dict[str, Exhibit]:
    """The exhibits that a draft may list, by id, of the case's folders (key and state)."""
    return {
        exhibit: latest.value
        for _, folder in sorted(folders)
        for exhibit, latest in folder.exhibits.items()
        if latest.value is not None and exhibit in state.usable_exhibits
    }


def listed(told: Particulars, state: Case, sources: Sources) -> tuple[str, ...]:
    """The exhibits of the draft in their numbering: as the lawyer ordered them, or all by day and id.

    One that was taken back, refused or quarantined meanwhile is left out.
    """
    left = {one for one in sources.exhibits if one in state.usable_exhibits}
    if told.exhibits is not None:
        return tuple(dict.fromkeys(one for one in told.exhibits if one in left))
    return tuple(sorted(left, key=lambda one: (sources.exhibits[one].day or date.max, one)))


def complaint_file(
    state: Case,
    told: Particulars,
    sources: Sources,
    *,
    found: Proposal,
    complaint: str,
    procedure: Procedure,
    about: Sequence[ComplaintFact],
    drawn_up: datetime,
) -> document.ComplaintFile:
    """All that the document says. Raises BrokenContract where numbers quoted do not exist; it shows no input."""
    rule, way = load().one(ProcedureParameters, found.day, procedure=procedure)
    numbers = {one: number for number, one in enumerate(listed(told, state, sources), start=1)}
    civil = sources.contact.model_dump(include=set(document.CivilStatus.model_fields))
    try:
        acts = _acts(state, told, sources, found)
        return document.ComplaintFile(
            reference=complaint,
            procedure=procedure.value,
            basis=rule.citation(found.day),
            drawn_up=drawn_up,
            drawn_up_at=told.drawn_up_at,
            victim=told.victim or document.CivilStatus.model_validate(civil),
            victim_is_minor=state.file.facets.value.minor if state.file.facets.value else None,
            representation=told.representation,
            domicile=told.domicile or document.Domicile(address=sources.contact.address),
            mandate=told.mandate,
            court=told.court or document.Court(addressee=COURT_FR.get(way.court, way.court)),
            hearing_at=told.hearing_at,
            authors=told.authors or _authors(sources),
            summary=told.summary or sources.facts.account or None,
            acts=acts,
            harm=told.harm,
            earlier_complaints=told.earlier_complaints or _earlier(state),
            requisitions=_requisitions(state, found, acts),
            witnesses=told.witnesses,
            requests=told.requests,
            formalities=_formalities(told, procedure, about, found.day, way.form),
            deposit_cents=told.deposit_cents,
            deposit_waiver=told.deposit_waiver,
            exhibits=tuple(_exhibit(one, number, sources) for one, number in numbers.items()),
            approval=None
            if told.signature is None
            else document.Approval(lawyer=told.signature.lawyer, bar=told.signature.bar, approved_at=drawn_up),
        )
    except ValidationError:
        message = "The draft quotes a number that it does not list, or a part of the file cannot be read. Correct it."
        raise BrokenContract(message) from None


def _authors(sources: Sources) -> tuple[document.Author, ...]:
    return tuple(
        document.Author(number=number, platform=one.platform, account=one.handle)
        for number, one in enumerate(sources.authors.authors, start=1)
    )


def _acts(state: Case, told: Particulars, sources: Sources, found: Proposal) -> tuple[document.Act, ...]:
    by_act = {one.act: one for one in told.acts}
    return tuple(
        _act(number, act.act, act.day, by_act.get(act.act), sources.read.get(act.act), found)
        for number, act in enumerate(_ordered(state), start=1)
    )


def _act(
    number: int, act: str, day: date, told: ActTold | None, read: ActDetails | None, found: Proposal
) -> document.Act:
    given = told or ActTold(act=act)
    known = read or given
    words = {name: getattr(given, name) or getattr(known, name) for name in ActDetails.model_fields if name != "act"}
    candidates = [one for one in found.candidates if one.act == act]
    chosen = [one for one in candidates if one.offence in given.offences] or [
        one for one in candidates if one.certainty == "established"
    ]
    return document.Act.model_validate(
        {
            **words,
            "number": number,
            "day": day,
            "exhibits": given.exhibits,
            "author": given.author,
            "qualifications": tuple(_qualification(one) for one in chosen),
        }
    )


def _qualification(one: Candidate) -> document.Qualification:
    return document.Qualification(
        name=one.label_fr,
        citation=" ; ".join(basis.citation for basis in one.grounds.rules),
        penalty=penalty_fr(one.penalty.prison_months, one.penalty.fine_cents),
    )


def _earlier(state: Case) -> tuple[document.EarlierComplaint, ...]:
    return tuple(
        document.EarlierComplaint(
            day=one.filed.day,
            outcome=", ".join(ANSWER_FR[answer.answer] for answer in sorted(one.answers.values(), key=lambda a: a.day)),
        )
        for _, one in sorted(state.complaints.items())
        if one.filed is not None
    )


def _requisitions(state: Case, found: Proposal, acts: Sequence[document.Act]) -> tuple[document.Requisition, ...]:
    """Per class of data and account the best of the acts' qualifications, as long as it may lawfully be asked for.

    Acts that differ in nothing that the requisition says share a line.
    """
    known = {act.act: shown for act, shown in zip(_ordered(state), acts, strict=True)}
    best: dict[tuple[str, str], Feasibility] = {}
    for one in found.feasibility:
        if one.outcome in {"possible", "doubtful"} and one.act in known:
            key = (one.data_class.value, one.act)
            if key not in best or (one.outcome == "possible" and best[key].outcome == "doubtful"):
                best[key] = one
    lines: dict[document.Requisition, list[int]] = {}
    for (_, act), one in sorted(best.items(), key=lambda item: (item[0][0], known[item[0][1]].number)):
        line = document.Requisition(
            data=DATA_FR[one.data_class],
            holder=known[act].platform,
            account=known[act].account,
            expires_on=one.countdown.keep_until,
            route=AUTHORITY_FR[one.binding_route.value] if one.binding_route else None,
            feasibility="possible" if one.outcome == "possible" else "doubtful",
            citation=" ; ".join(basis.citation for basis in one.countdown.grounds.rules),
        )
        lines.setdefault(line, []).append(known[act].number)
    return tuple(line.model_copy(update={"acts": tuple(numbers)}) for line, numbers in lines.items())


def _ordered(state: Case) -> list[ReportedAct]:
    """The acts in the order of their numbers."""
    return sorted(reported(state), key=lambda one: (one.day, one.act))


def _formalities(
    told: Particulars, procedure: Procedure, about: Sequence[ComplaintFact], day: date, form: Sequence[str]
) -> tuple[document.Formality, ...]:
    """The procedure's forms, then the contents that the rules ask of it alone, each with how it is met."""
    own = [document.Formality(name=FORM_FR.get(one, one), met_by=told.formalities.get(one)) for one in form]
    general = {one.item for one in contents_due(load(), Procedure.SIMPLE, about, day)}
    due = [
        document.Formality(
            name=one.label_fr,
            met_by=told.formalities.get(one.item),
            citation=" ; ".join(basis.citation for basis in one.grounds.rules),
        )
        for one in contents_due(load(), procedure, about, day)
        if one.item not in general
    ]
    return (*own, *due)


def _exhibit(exhibit: str, number: int, sources: Sources) -> document.Exhibit:
    known, details, stamp = sources.exhibits[exhibit], sources.details.get(exhibit), sources.stamps.get(exhibit)
    return document.Exhibit(
        number=number,
        title=(details.name if details else "") or exhibit,
        media_type=known.media_type,
        sha256=details.digest if details else None,
        stamped_at=stamp.time if stamp else None,
        authority=stamp.authority if stamp else None,
        standing=stamp.qualification if stamp else "unknown",
    )
