"""The routes of billing: the account, choosing who bears it, paying, the provider's webhook, the team's records."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Final

from fastapi import APIRouter, Header
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse

from services.billing.domain.account import Account
from services.billing.domain.commands import (
    ChooseFunding,
    NoteViewing,
    ReceivePayment,
    ReceiveTransfer,
    RecordRecovery,
)
from services.billing.domain.standing import due, insurer_closed, person_payment
from services.billing.forms import Confirmation, Funding, Recovery, Transfer, read_form
from services.billing.payments import Payments, read_webhook
from services.billing.views import AccountView, LedgerView, account_view, ledger_view
from services.billing.workers import object_name
from shared.clock import now, paris_day
from shared.contracts.intake import Role
from shared.contracts.partners import Cover
from shared.contracts.sealed import Damages, Policy, read_sealed
from shared.errors import NotFound, Refused
from shared.ids import new
from shared.logs import logger
from shared.runtime.running import Running
from shared.trust.sealing import Purpose, seal
from shared.trust.sessions import Session
from shared.web.access import seen
from shared.web.idempotency import Keep, once
from shared.web.language import language_of
from shared.web.pages import Pages

CHOOSERS: Final[tuple[Role, ...]] = ("victim", "guardian")
TEAM: Final[tuple[Role, ...]] = ("case-worker", "lawyer", "accountant")
READERS: Final[tuple[Role, ...]] = (*CHOOSERS, *TEAM)
ACCOUNTANTS: Final[tuple[Role, ...]] = ("accountant",)
WEBHOOK_SECRET: Final = "payment-webhook"  # noqa: S105 - the secret's name in the keyring

_log = logger(__name__)
_pages: Final = Pages(Path(__file__).with_name("templates"))


class Waiting(BaseModel):
    """An insurer's answer that binds once a member of the team confirms it."""

    message: str
    answer: Cover


def routes(running: Running) -> APIRouter:
    """All routes of billing, under ``/billing``."""
    router = APIRouter()
    payments: Payments = running.tools

    @router.get("/billing/api/cases/{case}")
    async def account(case: str, request: Request) -> AccountView:
        session, state = await seen(running, request, case, roles=READERS)
        return account_view(state, await _damages(running, session, state))

    @router.get("/billing/api/cases/{case}/ledger")
    async def entries(case: str, request: Request) -> LedgerView:
        _, state = await seen(running, request, case, roles=READERS)
        return ledger_view(state)

    @router.post("/billing/api/cases/{case}/funding")
    async def choose(case: str, request: Request, body: Funding) -> Response:
        session, state = await seen(running, request, case, roles=CHOOSERS)

        async def act(keep: Keep) -> Response:
            response = JSONResponse({"choice": body.choice if body.safe else "legal-aid"})
            command = _choice(case, session, state, body)
            await running.carry_out(command, answer=keep(response, _recipient(state)))
            return response

        return await once(running, request, case, "contact", await request.body(), act)

    @router.get("/billing/cases/{case}")
    async def page(case: str, request: Request) -> Response:
        session, state = await seen(running, request, case, roles=READERS)
        return await _page(running, request, session, state)

    @router.post("/billing/cases/{case}/funding")
    async def choose_on_page(case: str, request: Request) -> Response:
        session, state = await seen(running, request, case, roles=CHOOSERS)
        asked = read_form(await request.body())
        if asked.choice == "insurer" and asked.safe and not asked.consent_shown_recipient and asked.policy:
            return await _page(running, request, session, state, asked=asked)
        await running.carry_out(_choice(case, session, state, asked))
        return RedirectResponse(f"/billing/cases/{case}", 303)

    @router.get("/billing/cases/{case}/payment")
    async def pay(case: str, request: Request) -> Response:
        _, state = await seen(running, request, case, roles=CHOOSERS)
        cents = due(state)
        if not cents:
            return RedirectResponse(f"/billing/cases/{case}", 303)
        address = await payments.checkout(
            person_payment(case),
            cents,
            back=f"{running.settings.origin}/billing/cases/{case}",
            language=language_of(request),
            day=paris_day(now()),
        )
        return RedirectResponse(address, 303)

    @router.post("/billing/webhooks/payment")
    async def webhook(request: Request, stripe_signature: Annotated[str, Header()] = "") -> dict[str, bool]:
        secret = running.settings.payment_webhook_secret.get_secret_value()
        paid = read_webhook(
            await request.body(),
            stripe_signature,
            secret or await running.keyring.secret(running.service.name, WEBHOOK_SECRET),
        )
        if paid is None:
            return {"taken": False}
        try:
            case = await running.resolve(f"payment:{paid.payment}")
            if case is None:
                raise Refused("unknown-payment", "No such payment was asked for: check its id.", field="payment")
            await running.carry_out(ReceivePayment(case=case, **paid.model_dump()))
        except Refused as refusal:
            _log.warning("payment-refused", code=refusal.code)
            raise
        return {"taken": True}

    @router.get("/billing/cases/{case}/invoices/{invoice}")
    async def document(case: str, invoice: str, request: Request) -> Response:
        session, state = await seen(running, request, case, roles=READERS)
        found = next((one for one in state.invoices.values() if one.id == invoice), None)
        if found is None:
            raise NotFound
        chunks = await _begun(running.objects.get(object_name(found.id, found.commitment)))
        await _viewed(running, session, case, "invoice", found.id)
        headers = {"Content-Disposition": f'attachment; filename="{found.number}.pdf"'}
        return StreamingResponse(chunks, media_type="application/pdf", headers=headers)

    @router.get("/billing/api/cases/{case}/policies")
    async def policies(case: str, request: Request) -> dict[str, Policy]:
        session, state = await seen(running, request, case, roles=ACCOUNTANTS)
        sealed = {key: one.sealed_policy for key, one in sorted(state.covers.items()) if one.sealed_policy}
        await _viewed(running, session, case, "contact", None)
        return {
            key: read_sealed(Policy, await running.reveal(case, Purpose.CONTACT, value))
            for key, value in sealed.items()
        }

    @router.get("/billing/api/cases/{case}/answers")
    async def answers(case: str, request: Request) -> list[Waiting]:
        await seen(running, request, case, roles=TEAM)
        waiting = await running.outside.unconfirmed(case)
        return [Waiting(message=key, answer=one) for key, one in waiting if isinstance(one, Cover)]

    @router.post("/billing/api/cases/{case}/answers", status_code=204)
    async def confirm(case: str, request: Request, body: Confirmation) -> None:
        await seen(running, request, case, roles=TEAM)
        await running.outside.confirm(body.message, case)

    @router.post("/billing/api/cases/{case}/transfers")
    async def transfer(case: str, request: Request, body: Transfer) -> AccountView:
        await seen(running, request, case, roles=ACCOUNTANTS)
        done = await running.carry_out(ReceiveTransfer(case=case, cents=body.cents, reference=body.reference))
        return account_view(done.state)

    @router.post("/billing/api/cases/{case}/recoveries")
    async def recovery(case: str, request: Request, body: Recovery) -> AccountView:
        await seen(running, request, case, roles=ACCOUNTANTS)
        done = await running.carry_out(RecordRecovery(case=case, **body.model_dump()))
        return account_view(done.state)

    return router


async def _page(
    running: Running, request: Request, session: Session, state: Account, *, asked: Funding | None = None
) -> Response:
    view = account_view(state, await _damages(running, session, state))
    team = session.role.value in TEAM
    insurers = [one for one in await running.keyring.partners() if Cover.topic in one.topics]
    return _pages.render(
        request,
        "account.html",
        account=view,
        asked=asked,
        choosing=not team and view.status in {"free", "choose-funding", "payment-due", "ready", "legal-aid"},
        insurers=() if insurer_closed(state) else insurers,
        names={one.partner_id: one.name for one in insurers},
        ledger=ledger_view(state) if team else None,
    )


async def _damages(running: Running, session: Session, state: Account) -> tuple[Damages, ...]:
    """What judgments awarded, for the person alone."""
    if session.role.value not in CHOOSERS:
        return ()
    sealed = [one.value.sealed_damages for _, one in sorted(state.judgments.items()) if one.value]
    return tuple(
        [read_sealed(Damages, await running.reveal(state.case, Purpose.CONTACT, one)) for one in sealed if one]
    )


def _choice(case: str, session: Session, state: Account, body: Funding) -> ChooseFunding:
    insured = body.choice == "insurer" and body.safe
    policy = body.policy.content() if insured and body.policy else None
    return ChooseFunding.model_validate(
        {
            "case": case,
            "role": state.file.role_of(session.sub),
            "choice": body.choice,
            "safe": body.safe,
            "consent_shown_recipient": body.consent_shown_recipient,
            "cover": new() if insured else None,
            "insurer": body.insurer if insured else None,
            "sealed_policy": seal(policy, _recipient(state)) if policy else None,
        }
    )


def _recipient(state: Account) -> str:
    """The case's recipient of the purpose contact. Raises NotFound before the case is known, and after its erasure."""
    recipient = state.file.recipients.get("contact")
    if recipient is None:
        raise NotFound
    return recipient


async def _viewed(running: Running, session: Session, case: str, record: str, record_id: str | None) -> None:
    viewing = {"case": case, "viewer": session.sub, "role": session.role.value, "record": record}
    await running.carry_out(NoteViewing.model_validate({**viewing, "record_id": record_id}))


async def _begun(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """``chunks`` once the first has come, so that an absent document is an error and no empty file."""
    first = await anext(chunks, b"")

    async def all_of_them() -> AsyncIterator[bytes]:
        yield first
        async for chunk in chunks:
            yield chunk

    return all_of_them()
