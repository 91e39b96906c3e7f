"""A small payment provider on loopback with Stripe's shapes: sessions, refunds, a page to pay on, signed webhooks.

API (Bearer key, form-encoded, ``Idempotency-Key``): ``POST /v1/checkout/sessions``, ``GET …/{id}``,
``POST …/{id}/expire``, ``POST /v1/refunds``, ``GET /v1/refunds/{id}``. Page: ``GET /pay/{id}``, ``POST …/confirm``,
``POST …/cancel``. No card is asked and no money moves. Webhooks are sent until they are accepted:
https://docs.stripe.com/webhooks#verify-manually

The key and the webhooks' secret come as RECOURS_PAYMENT_KEY and RECOURS_PAYMENT_WEBHOOK_SECRET.
"""

from __future__ import annotations

import argparse
import asyncio
import hmac
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from shared import clock, logs

from .files import private_directory
from .payment_ledger import Ledger, Mistake, Object, public
from .serving import serve

LONGEST_PAUSE = 60.0
_FIELD = re.compile(r"[^\[\]]+")
_log = logs.logger(__name__)


def application(ledger: Ledger, *, key: str, webhook_secret: str, webhook_url: str, page_origin: str) -> Starlette:
    """The ASGI application; it sends webhooks from start to shutdown."""
    news = asyncio.Event()

    def keyed(endpoint: Any) -> Any:
        async def answer(request: Request) -> Response:
            try:
                _check_key(request, key)
                return JSONResponse(public(await endpoint(request)))
            except Mistake as mistake:
                return JSONResponse(mistake.body, mistake.status)

        return answer

    async def create_session(request: Request) -> Object:
        form = nested((await request.form()).multi_items())
        return await asyncio.to_thread(ledger.create_session, form, page_origin, request.headers.get("idempotency-key"))

    async def get_session(request: Request) -> Object:
        return await asyncio.to_thread(ledger.session, request.path_params["id"])

    async def expire(request: Request) -> Object:
        session = await asyncio.to_thread(ledger.expire, request.path_params["id"])
        news.set()
        return session

    async def create_refund(request: Request) -> Object:
        form = nested((await request.form()).multi_items())
        refund = await asyncio.to_thread(ledger.refund, form, request.headers.get("idempotency-key"))
        news.set()
        return refund

    async def get_refund(request: Request) -> Object:
        return await asyncio.to_thread(ledger.refunded, request.path_params["id"])

    async def page(request: Request) -> Response:
        try:
            session = await asyncio.to_thread(ledger.session, request.path_params["id"])
        except Mistake:
            return _html("<h1>Page introuvable</h1><p>Vérifiez l’adresse.</p>", 404)
        return _html(_page_of(session), 200, _places(session))

    async def confirm(request: Request) -> Response:
        try:
            session = await asyncio.to_thread(ledger.pay, request.path_params["id"])
        except Mistake:
            return _html("<h1>Page introuvable</h1><p>Vérifiez l’adresse.</p>", 404)
        news.set()
        if session["status"] == "expired":
            return _html(_page_of(session), 410)
        return RedirectResponse(session["success_url"].replace("{CHECKOUT_SESSION_ID}", session["id"]), 303)

    async def cancel(request: Request) -> Response:
        try:
            session = await asyncio.to_thread(ledger.session, request.path_params["id"])
        except Mistake:
            return _html("<h1>Page introuvable</h1><p>Vérifiez l’adresse.</p>", 404)
        return RedirectResponse(session["cancel_url"], 303)

    async def healthy(_: Request) -> Response:
        return PlainTextResponse("ok")

    @asynccontextmanager
    async def living(_: Starlette) -> AsyncIterator[None]:
        sending = asyncio.create_task(send_webhooks(ledger, webhook_url, webhook_secret, news))
        yield
        sending.cancel()
        with suppress(asyncio.CancelledError):
            await sending
        ledger.close()

    return Starlette(
        lifespan=living,
        routes=[
            Route("/healthz", healthy),
            Route("/v1/checkout/sessions", keyed(create_session), methods=["POST"]),
            Route("/v1/checkout/sessions/{id}", keyed(get_session)),
            Route("/v1/checkout/sessions/{id}/expire", keyed(expire), methods=["POST"]),
            Route("/v1/refunds", keyed(create_refund), methods=["POST"]),
            Route("/v1/refunds/{id}", keyed(get_refund)),
            Route("/pay/{id}", page),
            Route("/pay/{id}/confirm", confirm, methods=["POST"]),
            Route("/pay/{id}/cancel", cancel, methods=["POST"]),
        ],
    )


async def send_webhooks(ledger: Ledger, url: str, secret: str, news: asyncio.Event) -> None:
    """Sends what is due until it is accepted (2xx), at growing intervals; ``news`` wakes it. Runs until cancelled."""
    async with httpx.AsyncClient(timeout=20, trust_env=False) as client:
        while True:
            news.clear()
            for event_id, payload, attempts in await asyncio.to_thread(ledger.due, clock.now().timestamp()):
                if await _accepted(client, url, payload, secret):
                    await asyncio.to_thread(ledger.delivered, event_id)
                else:
                    pause = min(0.5 * 2**attempts, LONGEST_PAUSE)
                    _log.warning("webhook-not-accepted", attempts=attempts + 1, seconds=pause)
                    await asyncio.to_thread(ledger.postpone, event_id, clock.now().timestamp() + pause)
            due = await asyncio.to_thread(ledger.next_due)
            with suppress(TimeoutError):
                pause = None if due is None else max(0.0, due - clock.now().timestamp())
                async with asyncio.timeout(pause):
                    await news.wait()


def signature(payload: str, secret: str, seconds: int) -> str:
    """The ``Stripe-Signature`` header of a payload sent at ``seconds`` since 1970."""
    return f"t={seconds},v1={hmac.digest(secret.encode(), f'{seconds}.{payload}'.encode(), 'sha256').hex()}"


def nested(fields: list[tuple[str, Any]]) -> Object:
    """Form fields such as ``line_items[0][quantity]=1`` as nested dictionaries of text."""
    form: Object = {}
    for name, value in fields:
        *path, last = _FIELD.findall(name) or [name]
        at = form
        for part in path:
            inner = at.setdefault(part, {})
            if not isinstance(inner, dict):
                raise Mistake(400, "invalid_request_error", "A parameter is given twice in two shapes.")
            at = inner
        at[last] = str(value)
    return form


def euros(cents: int) -> str:
    """Cents as French euros: ``80,00 €``."""
    return f"{cents // 100:,}".replace(",", "\u202f") + f",{cents % 100:02d}\u00a0€"


async def _accepted(client: httpx.AsyncClient, url: str, payload: str, secret: str) -> bool:
    signed = signature(payload, secret, int(clock.now().timestamp()))
    headers = {"Content-Type": "application/json; charset=utf-8", "Stripe-Signature": signed}
    try:
        return (await client.post(url, content=payload.encode(), headers=headers)).is_success
    except httpx.HTTPError:
        return False


def _check_key(request: Request, key: str) -> None:
    given = request.headers.get("authorization", "").removeprefix("Bearer ")
    if not hmac.compare_digest(given.encode(), key.encode()):
        raise Mistake(401, "invalid_request_error", "Invalid API key provided.")


def _page_of(session: Object) -> str:
    amount = euros(session["amount_total"])
    match session["status"]:
        case "open":
            base = f"/pay/{session['id']}"
            return (
                f"<h1>{escape(session['_label']) or 'Paiement'}</h1>"
                "<p>Page de paiement d’essai : aucune carte n’est demandée, aucun argent n’est prélevé.</p>"
                f'<form method="post" action="{base}/confirm"><button>Payer {amount}</button></form>'
                f'<form method="post" action="{base}/cancel"><button class="quiet">Annuler</button></form>'
            )
        case "complete":
            back = escape(session["success_url"].replace("{CHECKOUT_SESSION_ID}", session["id"]))
            return f'<h1>C’est payé</h1><p>{amount} réglés.</p><p><a href="{back}">Revenir au dossier</a></p>'
        case _:
            back = escape(session["cancel_url"])
            return (
                "<h1>Cette page n’est plus valable</h1><p>Rien n’a été prélevé.</p>"
                f'<p><a href="{back}">Revenir au dossier</a></p>'
            )


def _places(session: Object) -> str:
    urls = [urlsplit(session[name]) for name in ("success_url", "cancel_url")]
    return " ".join(sorted({f"{url.scheme}://{url.netloc}" for url in urls}))


def _html(content: str, status: int, may_lead_to: str = "") -> HTMLResponse:
    style = (
        "body{font:1.125rem/1.5 system-ui,sans-serif;max-width:32rem;margin:10vh auto;padding:0 1rem;color:#1a1a1a}"
        "button{font:inherit;width:100%;padding:.9rem;margin:.5rem 0;border:2px solid #1b4965;border-radius:.5rem;"
        "background:#1b4965;color:#fff}button.quiet{background:#fff;color:#1b4965}a{color:#1b4965}"
    )
    page = (
        '<!doctype html><html lang="fr"><head><meta charset="utf-8"><title>Paiement</title>'
        f'<meta name="viewport" content="width=device-width"><style>{style}</style></head>'
        f"<body><main>{content}</main></body></html>"
    )
    policy = (
        f"default-src 'none'; style-src 'unsafe-inline'; form-action 'self' {may_lead_to}; frame-ancestors 'none'; "
        "base-uri 'none'"
    )
    headers = {"Content-Security-Policy": policy, "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}
    return HTMLResponse(page, status, headers)


def main() -> None:
    parser = argparse.ArgumentParser(description="A local payment page with Stripe's shapes.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--state-dir", type=Path, required=True)
    parser.add_argument("--page-origin", required=True, help="origin under which persons reach /pay/")
    parser.add_argument("--webhook", required=True, help="URL that is told of payments and refunds")
    given = parser.parse_args()
    key, secret = os.environ.get("RECOURS_PAYMENT_KEY"), os.environ.get("RECOURS_PAYMENT_WEBHOOK_SECRET")
    if not key or not secret:
        raise SystemExit("Set RECOURS_PAYMENT_KEY and RECOURS_PAYMENT_WEBHOOK_SECRET.")
    logs.configure("payment")
    ledger = Ledger(private_directory(given.state_dir))
    serve(
        application(
            ledger, key=key, webhook_secret=secret, webhook_url=given.webhook, page_origin=given.page_origin.rstrip("/")
        ),
        given.host,
        given.port,
    )


if __name__ == "__main__":
    main()
