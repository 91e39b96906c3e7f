"""The edge of what changes a case: ids and secrets are drawn, words are sealed, then one command is carried out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from starlette.responses import Response

from services.intake import codes
from services.intake.account import hashed, hashed_passphrase, stamp_of, with_secrets
from services.intake.content import Change, Opening, sealed_parts
from services.intake.domain.commands import ChangeAccount, Invite, OpenCase, UpdateCase
from services.intake.domain.opening import check_facets, opening_role
from services.intake.domain.state import Case
from services.intake.sessions import Signed, begin, locator_index, read_account
from services.intake.tools import Tools
from shared import clock, ids
from shared.contracts.sealed import Account, Contact, Secrets
from shared.errors import NotFound, Refused, Unavailable
from shared.runtime.running import Running
from shared.trust.sealing import seal
from shared.trust.sessions import Session
from shared.web.idempotency import Keep

TRIES: Final = 4


@dataclass(frozen=True, slots=True)
class Opened:
    """A case that opens: ``code`` is shown once and kept nowhere. ``answered_by``: who is on call for a danger."""

    case: str
    code: str
    signed: Signed
    answered_by: str | None


@dataclass(frozen=True, slots=True)
class Invited:
    """An invitation: ``code`` is shown once, to whoever invites; it stays the invited person's own code."""

    access: str
    role: str
    code: str


Respond = Callable[[Opened], Response]


async def open_case(running: Running, tools: Tools, opening: Opening, respond: Respond, keep: Keep) -> Response:
    """Open a case and answer with ``respond``. Raises Refused for what was told, Unavailable to try again."""
    now = clock.now()
    facets = opening.facets()
    check_facets(facets, now)
    _born(opening.contact, now)
    passphrase = await hashed_passphrase(opening.passphrase) if opening.passphrase is not None else None
    danger = bool(opening.facts and opening.facts.dangers)
    for _ in range(TRIES):
        case, code, holder = ids.new(), codes.draw(), ids.new()
        locator = await locator_index(running, code.locator)
        held = Secrets(code=await hashed(code.secret), passphrase=passphrase)
        recipients: dict[Any, str] = {
            purpose.value: recipient for purpose, recipient in (await running.keyring.create_case_keys(case)).items()
        }
        signed = begin(
            running,
            holder,
            opening_role(facets),
            case,
            3 if danger else 2,
            ("code", "full") if passphrase else ("code",),
            access=locator,
            stamp=stamp_of(held),
        )
        answered_by = tools.roster.on_call(now) if danger else None
        response = respond(Opened(case, code.written(), signed, answered_by))
        try:
            command = OpenCase(
                case=case,
                facets=facets,
                anonymous=opening.anonymous,
                danger=danger,
                holder=holder,
                locator=locator,
                recipients=recipients,
                escalation=ids.new(),
                answered_by=answered_by,
                sealed_account=seal(Account(accesses={locator: held}).content(), recipients["account"]),
                **sealed_parts(
                    recipients, contact=opening.contact, facts=opening.facts, authors=opening.authors or None
                ),
            )
            await running.carry_out(command, answer=keep(response, recipients["account"], case=case))
        except Refused as refused:
            # Nothing was stored, so the keys that were made for it lock nothing.
            await running.keyring.destroy_case_keys(case)
            if refused.code != "reference-taken":
                raise
        else:
            return response
    raise Unavailable("The case could not be opened. Try again in a moment.")


async def change_case(running: Running, tools: Tools, session: Session, case: str, state: Case, change: Change) -> Case:
    """Carry out what was told anew, and give the state after it."""
    known = state.file.facets.value
    if known is None:
        raise NotFound
    now = clock.now()
    _born(change.contact, now)
    facets = change.facets(known)
    command = UpdateCase(
        case=case,
        by=session.sub,
        facets=facets if facets != known else None,
        danger=bool(change.facts and change.facts.dangers),
        escalation=ids.new(),
        answered_by=tools.roster.on_call(now),
        **sealed_parts(dict(state.file.recipients), contact=change.contact, facts=change.facts, authors=change.authors),
    )
    after: Case = (await running.carry_out(command)).state
    return after


async def invite(
    running: Running,
    session: Session,
    case: str,
    role: Literal["victim", "witness", "guardian", "institution"],
    respond: Callable[[Invited], Response],
    keep: Keep,
) -> Response:
    """Invite somebody in a role and answer with their code. Raises Refused and NotFound as the domain says."""
    code = codes.draw()
    access, holder = await locator_index(running, code.locator), ids.new()
    held = Secrets(code=await hashed(code.secret))
    response = respond(Invited(access, role, code.written()))

    async def once(state: Case, sealed_account: str) -> None:
        command = Invite(
            case=case,
            by=session.sub,
            access=access,
            role=role,
            holder=holder,
            sealed_account=sealed_account,
            account_seen=state.account_at,
        )
        await running.carry_out(command, answer=keep(response, state.file.recipients["account"]))

    await _rewritten(running, case, lambda account: with_secrets(account, access, held), once)
    return response


async def set_passphrase(running: Running, session: Session, case: str, passphrase: str) -> Signed:
    """Set or replace the holder's second secret, and give a session of the full scope.

    The first one may be set with the code alone; replacing it needs the full scope. Raises Refused otherwise.
    """
    made = await hashed_passphrase(passphrase)
    state: Case = await running.load("case", case)
    access = state.access_of(session.sub)
    held = (await read_account(running, case, state)).accesses.get(access or "")
    if access is None or held is None:
        raise NotFound
    if held.passphrase is not None and "full" not in session.scope:
        message = "A passphrase is already set. Sign in with it to change it."
        raise Refused("passphrase-needed", message, field="passphrase", conflict=True)
    renewed = held.model_copy(update={"passphrase": made})
    reached = 0

    async def once(state: Case, sealed_account: str) -> None:
        nonlocal reached
        command = ChangeAccount(case=case, by=session.sub, sealed_account=sealed_account, account_seen=state.account_at)
        reached = (await running.carry_out(command)).state.file.upto

    def change(account: Account) -> Account:
        if account.accesses.get(access) != held:
            raise Refused("changed-meanwhile", "Your secrets changed at the same moment. Sign in again.", conflict=True)
        return with_secrets(account, access, renewed)

    await _rewritten(running, case, change, once)
    return begin(
        running, session.sub, session.role, case, reached, ("code", "full"), access=access, stamp=stamp_of(renewed)
    )


def _born(contact: Contact | None, now: datetime) -> None:
    if contact is not None and contact.birth_day is not None and contact.birth_day > clock.paris_day(now):
        message = "This birthday is still to come. Check the year."
        raise Refused("day-in-future", message, field="contact.birth_day")


async def _rewritten(
    running: Running,
    case: str,
    change: Callable[[Account], Account],
    act: Callable[[Case, str], Awaitable[None]],
) -> None:
    # Read, change, write under the sequence that was read: who comes second reads again.
    for left in reversed(range(TRIES)):
        state: Case = await running.load("case", case)
        if state.file.erased or "account" not in state.sealed:
            raise NotFound
        account = change(await read_account(running, case, state))
        try:
            await act(state, seal(account.content(), state.file.recipients["account"]))
        except Refused as refused:
            if refused.code != "changed-meanwhile" or not left:
                raise
        else:
            return
