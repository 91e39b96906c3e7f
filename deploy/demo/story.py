"""One whole case, step by step, through the public address: what ``make demo`` plays.

Nothing here reaches into a service: people use the HTTP API, the insurer publishes signed messages, the payment is made
on the payment page. The operator's part (staff and partner registration) goes through the keyring, as it does for real.
"""

from __future__ import annotations

import email
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import httpx

from deploy.demo.client import Failed, PartnerVoice, Person, persistently, until
from deploy.demo.exhibits import PLATFORM, SampleExhibit
from deploy.demo.particulars import COURT, known_author, particulars
from deploy.demo.people import AUTHORS, GUARDIAN, VICTIM
from deploy.embedded.supervisor import Platform
from shared import clock, ids
from shared.contracts.partners import Cover
from shared.trust.keyring import Keyring
from shared.trust.partners import Partner, partner_owner
from shared.trust.signing import generate

INSURER = "protection-exemple"
STAFF = {"case-worker": "conseil-1", "lawyer": "avocat-1", "accountant": "compta-1"}
PASSPHRASE = "une phrase que personne ne devine"  # noqa: S105 - fictional, drawn for nobody
FEE = 8_000


@dataclass
class Played:
    """What the story leaves for the folder: ids, documents, seconds per step."""

    case: str = ""
    other_case: str = ""
    erasure: str = ""
    exhibits: dict[str, SampleExhibit] = field(default_factory=dict)
    receipts: dict[str, str] = field(default_factory=dict)
    complaint: str = ""
    judgment: str = ""
    hearing_ics: Any = b""
    complaint_pdf: bytes = b""
    invoice_pdf: bytes = b""
    tokens: dict[str, bytes] = field(default_factory=dict)
    stamps: dict[str, dict[str, Any]] = field(default_factory=dict)
    certificate: str = ""
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass
class Story:
    """The cast and the stage. ``say`` shows progress, one line a step."""

    platform: Platform
    http: httpx.AsyncClient
    say: Callable[[str], None]
    played: Played = field(default_factory=Played)
    code: str = field(default="", repr=False)
    guardian: Person = field(init=False)
    staff: dict[str, Person] = field(default_factory=dict)
    insurer: PartnerVoice = field(init=False)

    def __post_init__(self) -> None:
        self.guardian = Person(self.http)

    @asynccontextmanager
    async def step(self, name: str) -> AsyncIterator[None]:
        """One step, told and timed."""
        started = time.monotonic()
        yield
        self.played.seconds[name] = round(time.monotonic() - started, 3)
        self.say(f"{name} ({self.played.seconds[name]:.1f} s)")

    @property
    def case(self) -> str:
        return self.played.case

    # ---- the operator

    async def staff_the_house(self) -> None:
        """Enrol the team and register the insurer, as an operator does."""
        settings = self.platform.settings_for("operator")
        key = generate(partner_owner(INSURER), clock.now())
        async with Keyring(settings["RECOURS_KEYRING"], settings["RECOURS_KEYRING_TOKEN"]) as keyring:
            for role, name in STAFF.items():
                await keyring.enrol_staff(name, role, PASSPHRASE)
            await keyring.register_partner(
                Partner(
                    partner_id=INSURER,
                    name="Protection Exemple (assureur fictif)",
                    keys=(key.public(),),
                    topics=frozenset({Cover.topic}),
                    cases="*",
                )
            )
        self.insurer = PartnerVoice(settings["RECOURS_BUS"], key)
        for role, name in STAFF.items():
            self.staff[role] = Person(self.http)
            await self.staff[role].sign_in("/api/sessions/staff", {"name": name, "passphrase": PASSPHRASE})

    # ---- opening

    async def open(self, first_day: date) -> None:
        """A guardian opens a case for a minor; the team checks authority and identity and takes the case."""
        acts = [
            {"kind": kind, "day": (first_day + timedelta(days=day)).isoformat(), "online": True, "public": public}
            for kind, day, public in (
                ("insult", 0, True),
                ("threat", 2, False),
                ("repeated-messages", 3, False),
                ("repeated-messages", 5, False),
                ("insult", 6, True),
            )
        ]
        told = await self.guardian.sign_in(
            "/api/cases",
            {
                "persona": "guardian",
                "on_behalf": True,
                "minor": True,
                "acts": acts,
                "authors_at_least": 3,
                "authors_at_most": 5,
                "spreading": True,
                "contact": {
                    "last_name": VICTIM.last_name,
                    "first_names": VICTIM.first_name,
                    "birth_day": VICTIM.birth_day.isoformat(),
                    "birth_place": "Exempleville",
                    "nationality": "française",
                    "occupation": "collégienne",
                    "address": "12 rue des Lilas, 00000 Exempleville",
                    "email": GUARDIAN.email,
                    "phone": GUARDIAN.phone,
                    # Nobody sleeps through a demonstration: mails may go at any hour.
                    "notify": {"channel": "email", "after": "00:00", "before": "23:59"},
                },
                "facts": {
                    "account": "Depuis une semaine, un groupe de la classe insulte Camille chaque soir.",
                    "school": True,
                    "urls": ["https://papotis.example/salons/4e-b-les-vrais"],
                },
                "authors": [{"handle": author.handle, "platform": PLATFORM} for author in AUTHORS],
                "passphrase": PASSPHRASE,
            },
        )
        self.played.case = self.guardian.case = told["case"]
        self.code = told["code"]
        for role, person in self.staff.items():
            await self._assigned(role, person)
        people = (await self.staff["case-worker"].get(f"/api/cases/{self.case}"))["people"]
        access = next(one["access"] for one in people if "authority" in one)
        await self.staff["case-worker"].post(f"/api/team/cases/{self.case}/authority/{access}")
        await self.staff["case-worker"].post(f"/api/team/cases/{self.case}/identity", {"means": "identity-document"})
        await self.guardian.sign_in("/api/sessions", {"code": told["code"], "passphrase": PASSPHRASE})

    async def _assigned(self, role: str, person: Person) -> None:
        await person.post(f"/api/team/cases/{self.case}/assign", {"role": role})

    # ---- proof

    async def deposit(self, exhibits: list[SampleExhibit]) -> None:
        """Six exhibits, streamed."""
        for one in exhibits:
            said = one.declared
            declaration = {
                "may_show_minor_sexually": False,
                "kind": one.kind,
                "shows": ["date", "hour", "author", "content", *(["address"] if said.url else [])],
                "day": said.day.isoformat(),
                "hour": f"{said.hour:%H:%M}",
                "author": said.author,
                "address": said.url,
                "name": one.name,
            }
            path = f"/evidence/api/cases/{self.case}/exhibits"
            deposited = await self.guardian.upload(path, one.content, declaration)
            self.played.exhibits[deposited["exhibit"]] = one

    async def timestamped(self) -> None:
        """Wait for every token, then take files and tokens away as the person does."""
        path = f"/evidence/api/cases/{self.case}/exhibits"

        async def all_of_them() -> list[dict[str, Any]] | None:
            shown: list[dict[str, Any]] = (await self.guardian.get(path))["exhibits"]
            return shown if len(shown) == len(self.played.exhibits) and all(one["timestamp"] for one in shown) else None

        for one in await until("every exhibit is timestamped", all_of_them):
            self.played.stamps[one["exhibit"]] = one
        for exhibit, sample in self.played.exhibits.items():
            original = (await self.guardian.call("GET", f"{path}/{exhibit}/original")).content
            if original != sample.content:
                raise Failed(f"The exhibit {exhibit} came back changed.")
            self.played.tokens[exhibit] = (await self.guardian.call("GET", f"{path}/{exhibit}/token")).content

    # ---- law

    async def diagnose(self) -> None:
        """The limits are there at once; the engine proposes, the lawyer approves."""
        limit = await until(
            "the earliest press limit is computed",
            lambda: self._of_dossier("earliest_limit"),
        )
        self.say(f"  earliest possible press limit: {limit}")
        lawyer = self.staff["lawyer"]
        legal = f"/legal/api/cases/{self.case}"
        proposal = await lawyer.get(f"{legal}/proposal")
        if not proposal["candidates"]:
            raise Failed("The engine proposes no offence for these acts.")
        advice = "Le dossier est solide. Plainte simple, et demande de conservation des données."
        body = {"solidity": "B", "options": ["complaint", "removal", "tell-school"], "advice": advice}
        await lawyer.post(f"{legal}/diagnoses", body)

    async def _of_dossier(self, field_name: str) -> Any:
        return (await self.guardian.get(f"/api/cases/{self.case}")).get(field_name)

    async def complain(self) -> None:
        """Drafted from the file, typeset, approved by the lawyer: exactly that draft."""
        lawyer = self.staff["lawyer"]
        legal = f"/legal/api/cases/{self.case}"
        told = particulars(clock.paris_day(clock.now()), await self._acts_told())
        await until("all exhibits are there to be listed", self._all_listed)
        about = ["minor-person", "represented", "data-to-requisition"]
        body = {"procedure": "simple", "about": about, "particulars": told}
        complaint = (await lawyer.post(f"{legal}/complaints", body))["complaint"]

        async def drafted() -> str | None:
            found: str | None = (await lawyer.get(f"{legal}/complaints/{complaint}"))["commitment"]
            return found

        commitment = await until("the complaint is typeset", drafted)
        await lawyer.post(f"{legal}/complaints/{complaint}/approval", {"commitment": commitment, "about": about})
        self.played.complaint = complaint
        document = f"/legal/cases/{self.case}/complaints/{complaint}.pdf"
        self.played.complaint_pdf = (await self.guardian.call("GET", document)).content

    async def _all_listed(self) -> bool:
        """Whether legal has heard of every exhibit, by the numbers that the lawyer quotes."""
        listed = await self.staff["lawyer"].get(f"/legal/api/cases/{self.case}/exhibits")
        return [one["number"] for one in listed] == list(range(1, len(self.played.exhibits) + 1))

    async def _acts_told(self) -> list[dict[str, Any]]:
        """What the lawyer read in the exhibits, act by act; both are in the order of their days."""
        acts = sorted(
            (await self._of_dossier("facets"))["acts"],
            key=lambda one: (one["day"], one["act"]),
        )
        ordered = [one.declared for one in self.played.exhibits.values()]
        told = []
        for act in acts:
            numbers = [number for number, one in enumerate(ordered, 1) if one.day.isoformat() == act["day"]]
            shown = ordered[numbers[0] - 1] if numbers else None
            told.append(
                {
                    "act": act["act"],
                    "exhibits": numbers,
                    **(
                        {
                            "hour": f"{shown.hour:%H:%M}",
                            "zone": "Europe/Paris",
                            "url": shown.url,
                            "platform": shown.platform,
                            "account": shown.author,
                            **known_author(shown.author),
                            "words": shown.words,
                        }
                        if shown
                        else {}
                    ),
                }
            )
        return told

    async def file(self) -> None:
        """Filed by registered letter; the prosecutor's office registers it and prosecutes."""
        lawyer = self.staff["lawyer"]
        complaint = f"/legal/api/cases/{self.case}/complaints/{self.played.complaint}"
        today = clock.paris_day(clock.now()).isoformat()
        receipt = {"mode": "registered-letter", "day": today, "place": "Parquet d’Exempleville", "receipt": "1A 000 1"}
        await lawyer.post(f"{complaint}/filing", receipt)
        for answer in ("registered", "prosecuted"):
            await lawyer.post(f"{complaint}/answers", {"answer": answer, "day": today})

    async def hear(self) -> None:
        """A hearing in two months, which the court moves to today: recorded as too soon, for courts do err."""
        lawyer = self.staff["lawyer"]
        legal = f"/legal/api/cases/{self.case}"
        today = clock.paris_day(clock.now())
        details = {"hour": "14:30", "court": COURT, "room": "B", "docket": "26/00001"}
        later = {"kind": "trial", "day": (today + timedelta(days=60)).isoformat(), "details": details}
        summons = {"called_by": "direct-summons", "served_on": today.isoformat()}
        hearing = (await lawyer.post(f"{legal}/hearings", {**later, **summons}))["hearing"]
        await until("the hearing's mail carries its calendar", self._calendar)
        moved = {"day": today.isoformat(), "details": details, **summons}
        await lawyer.post(f"{legal}/hearings/{hearing}/move", moved)
        await lawyer.post(f"{legal}/hearings/{hearing}/end", {"status": "held"})
        judged = await lawyer.post(
            f"{legal}/judgments",
            {
                "hearing": hearing,
                "outcome": "convicted",
                "day": today.isoformat(),
                "costs_cents": 150_000,
                "damages_cents": 300_000,
            },
        )
        self.played.judgment = judged["judgment"]

    async def _calendar(self) -> Any:
        """The newest .ics that was mailed."""
        for path in sorted(self.platform.site.mails.glob("*.eml"), reverse=True):
            for part in email.message_from_bytes(path.read_bytes()).walk():
                if part.get_content_type() == "text/calendar":
                    self.played.hearing_ics = part.get_payload(decode=True)
                    return self.played.hearing_ics
        return None

    async def recover(self) -> None:
        """The convicted pays the costs; they stand in the ledger, damages do not."""
        accountant = self.staff["accountant"]
        billing = f"/billing/api/cases/{self.case}"

        async def awarded() -> bool | None:
            return bool((await accountant.get(billing))["costs"]) or None

        await until("billing knows of the judgment", awarded)
        recovery = {"recovery": ids.new(), "judgment": self.played.judgment, "cents": 150_000}
        await accountant.post(f"{billing}/recoveries", recovery)

    # ---- money

    async def fund(self) -> None:
        """The insurer is asked on the guardian's explicit yes; its signed answer, a refusal, is confirmed by staff."""
        billing = f"/billing/api/cases/{self.case}"
        await self.guardian.post(
            f"{billing}/funding",
            {
                "choice": "insurer",
                "consent_shown_recipient": True,
                "insurer": INSURER,
                "policy": {"holder": GUARDIAN.name, "number": "PJ-0001"},
            },
        )

        async def asked() -> str | None:
            covers = (await self.guardian.get(billing))["covers"]
            return covers[0]["cover"] if covers else None

        cover = await until("the insurer is asked", asked)
        await self.insurer.say(Cover(id=ids.new(), partner=INSURER, case=self.case, cover=cover, decision="refused"))
        accountant = self.staff["accountant"]

        async def answered() -> str | None:
            waiting = await accountant.get(f"{billing}/answers")
            return waiting[0]["message"] if waiting else None

        message = await until("the insurer's answer arrives", answered)
        await accountant.post(f"{billing}/answers", {"message": message})

    async def pay(self) -> None:
        """80 EUR, on the payment page, once the complaint is approved; then the invoice."""
        billing = f"/billing/api/cases/{self.case}"

        async def due() -> int | None:
            return (await self.guardian.get(billing))["due"]["cents"] or None

        cents = await until("the payment is asked for", due)
        if cents != FEE:
            raise Failed(f"{cents} cents were asked for instead of {FEE}.")
        redirect = await self.guardian.call("GET", f"/billing/cases/{self.case}/payment")
        page = redirect.headers["location"]
        confirmed = await persistently(self.http, "POST", f"{page}/confirm")
        if confirmed.status_code >= 400:
            raise Failed(f"The payment page refused the payment: {confirmed.status_code}.")

        async def invoiced() -> str | None:
            invoices = (await self.guardian.get(billing))["invoices"]
            return invoices[0]["document"] if invoices else None

        document = await until("the payment is received and the invoice issued", invoiced)
        self.played.invoice_pdf = (await self.guardian.call("GET", document)).content

    # ---- the other case

    async def erase_another(self, first_day: date) -> None:
        """Somebody opens an anonymous case and has it forgotten: planned, cleared by each service, erased."""
        person = Person(self.http)
        told = await person.sign_in(
            "/api/cases",
            {
                "persona": "victim",
                "anonymous": True,
                "language": "en",
                "acts": [{"kind": "insult", "day": first_day.isoformat(), "public": True}],
                "facts": {"account": "To be forgotten."},
                "passphrase": PASSPHRASE,
            },
        )
        case = self.played.other_case = person.case = told["case"]
        declaration = {"may_show_minor_sexually": False, "kind": "message", "shows": ["content"], "name": "note.txt"}
        await person.upload(f"/evidence/api/cases/{case}/exhibits", b"to be forgotten\n", declaration)
        planned = await person.post(f"/api/cases/{case}/erasure")
        self.played.erasure = planned["erasure"]

        async def certified() -> str | None:
            answer = await persistently(self.http, "GET", planned["certificate"])
            return answer.text if answer.status_code == 200 else None

        self.played.certificate = await until("the erasure is certified", certified)
        self.played.receipts["erasure-certificate"] = self.played.certificate

    async def keep_receipts(self) -> None:
        """Every receipt that the services give the guardian."""
        for prefix in ("/api", "/evidence/api", "/legal/api", "/billing/api", "/notify/api"):
            for one in await self.guardian.get(f"{prefix}/cases/{self.case}/receipts"):
                name = one["type"].removeprefix("recours.").rsplit(".", 1)[0]
                self.played.receipts[f"{name}-{one['event']}"] = one["receipt"]
