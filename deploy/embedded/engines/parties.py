"""The outside parties, played by small servers of ours: timestamps, mail, payment; and the gateway before them all."""

from __future__ import annotations

import httpx

from deploy.embedded import probes
from deploy.embedded.child import Child
from deploy.embedded.files import write_atomically
from deploy.embedded.ports import HOST
from deploy.embedded.site import DEFAULT_SERVICE, SERVICES, Site, python
from shared.errors import Unavailable

WEBHOOK_PATH = "/billing/webhooks/payment"


def tsa(site: Site) -> Child:
    """The local timestamp authority (not qualified); ``arrange`` keeps its certificates for the services."""
    home = site.directory("tsa")
    return Child(
        name="tsa",
        what="local timestamp authority, not qualified",
        command=python("-m", "deploy.embedded.timestamp_authority", *_listen(site, "tsa"), "--state-dir", str(home)),
        address=site.url("tsa"),
        answers=lambda: probes.http(f"{site.url('tsa')}/healthz"),
        environment=site.process_environment,
        arrange=lambda: keep_chain(site),
    )


def mail(site: Site) -> Child:
    """The mail catcher: every mail becomes a file, none leaves this machine."""
    return Child(
        name="mail",
        what="mail catcher, SMTP",
        command=python("-m", "deploy.embedded.mail_catcher", *_listen(site, "mail"), "--into", str(site.mails)),
        address=site.address("mail"),
        answers=lambda: probes.greeting(site.ports["mail"], b"220"),
        environment=site.process_environment,
    )


def payment(site: Site) -> Child:
    """The payment page, with the secret that the keyring drew for its webhooks."""

    def environment() -> dict[str, str]:
        return {
            **site.process_environment(),
            "RECOURS_PAYMENT_KEY": site.payment_key(),
            "RECOURS_PAYMENT_WEBHOOK_SECRET": site.webhook_secret,
        }

    return Child(
        name="payment",
        what="local payment page with Stripe's shapes",
        command=python(
            *("-m", "deploy.embedded.payment_page", *_listen(site, "payment")),
            *("--state-dir", str(site.directory("payment"))),
            *("--page-origin", site.origin, "--webhook", f"{site.origin}{WEBHOOK_PATH}"),
        ),
        address=site.url("payment"),
        answers=lambda: probes.http(f"{site.url('payment')}/healthz"),
        environment=environment,
        needs=("keyring",),
    )


def gateway(site: Site) -> Child:
    """The one origin: a path per service, the payment page under ``/pay/``, intake for the rest."""

    def replicas(name: str) -> str:
        return ",".join(site.address(process) for process in site.engines.replicas_of(name))

    upstreams = [f"{name}={replicas(name)}" for name in SERVICES if name != DEFAULT_SERVICE]
    routes = [f"pay={site.address('payment')}", *upstreams]
    return Child(
        name="gateway",
        what="gateway, one origin for all",
        command=python(
            *("-m", "deploy.embedded.gateway", *_listen(site, "gateway")),
            *(part for route in routes for part in ("--route", route)),
            *("--default", replicas(DEFAULT_SERVICE)),
        ),
        address=site.origin,
        answers=lambda: probes.listening(site.ports["gateway"]),
        environment=site.process_environment,
    )


def _listen(site: Site, name: str) -> tuple[str, ...]:
    return ("--host", HOST, "--port", str(site.ports[name]))


async def keep_chain(site: Site) -> None:
    """Writes the authority's certificates where services read them. Raises Unavailable when it gives none."""
    try:
        async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
            answer = await client.get(site.url("tsa") + site.engines.chain_at)
            answer.raise_for_status()
    except httpx.HTTPError as error:
        raise Unavailable("The timestamp authority gave no certificates: see logs/tsa.log.") from error
    write_atomically(site.chain, answer.content)
