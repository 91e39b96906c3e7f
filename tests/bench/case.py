"""One case through the public address, as short as it may be: opened, proved, diagnosed, drafted, approved, filed."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import httpx

from deploy.demo.client import AWAY, Failed, Person, until
from deploy.demo.story import PASSPHRASE, STAFF, Story
from deploy.embedded.supervisor import Platform
from shared import clock, ids

STEPS: Final = ("opened", "exhibit timestamped", "diagnosed", "complaint typeset", "approved and filed")
PATIENCE = 900.0
"""Seconds for one thing to happen, a hundred cases being at it."""
EXHIBIT = b"\x89PNG\r\n\x1a\n" + bytes(200_000)
"""Two hundred kilobytes that begin like a screenshot."""
Team = dict[str, Person]


@dataclass(slots=True)
class Life:
    """Seconds of one case, in all and by step."""

    steps: dict[str, float] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        return sum(self.steps.values())

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.steps[name] = time.monotonic() - began


async def team(platform: Platform, http: httpx.AsyncClient) -> Team:
    """The team of the demonstration, enrolled and signed in."""
    story = Story(platform, http, lambda _line: None)
    await story.staff_the_house()
    return story.staff


async def life(http: httpx.AsyncClient, members: Team) -> Life:
    """One case from its opening to the complaint filed. Raises Failed where a step is refused or never comes."""
    lived, person = Life(), Person(http)
    with lived.step("opened"):
        person.case = case = await _opened(person)
    with lived.step("exhibit timestamped"):
        await _proved(person, case)
    lawyer, legal = members["lawyer"], f"/legal/api/cases/{case}"
    with lived.step("diagnosed"):
        for role in STAFF:
            await members[role].post(f"/api/team/cases/{case}/assign", {"role": role})
        await members["case-worker"].post(f"/api/team/cases/{case}/identity", {"means": "in-person"})
        await _until("legal knows its lawyer", lambda: _answers(lawyer, f"{legal}/proposal"))
        await lawyer.post(f"{legal}/diagnoses", {"solidity": "B", "options": ["complaint"]})
    with lived.step("complaint typeset"):
        complaint = (await lawyer.post(f"{legal}/complaints", {"procedure": "simple"}))["complaint"]

        async def typeset() -> str | None:
            # As long as it is not there, whatever is answered: a look that falls between job and draft finds neither.
            headers = {"Authorization": f"Bearer {lawyer.session}"}
            answer = await http.get(f"{legal}/complaints/{complaint}", headers=headers)
            found: str | None = answer.json()["commitment"] if answer.status_code == 200 else None
            return found

        commitment = await _until("the complaint is typeset", typeset)
    with lived.step("approved and filed"):
        await _until("legal knows the identity", lambda: _approved(lawyer, legal, complaint, commitment))
        today = clock.paris_day(clock.now()).isoformat()
        receipt = {"mode": "registered-letter", "day": today, "place": "Parquet d’Exempleville", "receipt": "1A 000 1"}
        await lawyer.post(f"{legal}/complaints/{complaint}/filing", receipt)
    return lived


async def _opened(person: Person) -> str:
    day = clock.paris_day(clock.now()) - timedelta(days=3)
    act = {"kind": "insult", "day": day.isoformat(), "public": True}
    body = {"persona": "victim", "passphrase": PASSPHRASE, "acts": [act], "authors_at_most": 2}
    # Under one key for as long as it takes: where a hundred open at once, the gateway may say "try again" meanwhile.
    headers = {"Idempotency-Key": ids.new()}

    async def opened() -> dict[str, Any] | None:
        answer = await person.http.post("/api/cases", json=body, headers=headers)
        if answer.status_code in AWAY:
            return None
        if answer.status_code != 201:
            raise Failed(f"Opening a case was answered {answer.status_code}.")
        told: dict[str, Any] = answer.json()
        return told

    told = await _until("the case is opened", opened)
    person.session = told["session"]
    person._signs_in = ("/api/sessions", {"code": told["code"], "passphrase": PASSPHRASE})
    return str(told["case"])


async def _proved(person: Person, case: str) -> None:
    path = f"/evidence/api/cases/{case}/exhibits"
    declared = {"may_show_minor_sexually": False, "kind": "message", "shows": ["content"], "name": "capture.png"}
    await person.upload(path, EXHIBIT, declared)

    async def stamped() -> bool:
        shown: list[dict[str, Any]] = (await person.get(path))["exhibits"]
        return bool(shown) and all(one["timestamp"] for one in shown)

    await _until("the exhibit is timestamped", stamped)


async def _answers(person: Person, path: str) -> bool:
    headers = {"Authorization": f"Bearer {person.session}"}
    return (await person.http.get(path, headers=headers)).status_code == 200


async def _approved(lawyer: Person, legal: str, complaint: str, commitment: str) -> bool:
    headers = {"Authorization": f"Bearer {lawyer.session}"}
    path = f"{legal}/complaints/{complaint}/approval"
    answer = await lawyer.http.post(path, json={"commitment": commitment, "about": []}, headers=headers)
    return answer.status_code == 201


async def _until(what: str, look: Callable[[], Awaitable[Any]]) -> Any:
    return await until(what, look, PATIENCE)
