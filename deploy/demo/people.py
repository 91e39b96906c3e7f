"""The people of the demonstration, all fictional, in one place: a test searches logs and events for each of them.

Telephone numbers are of the range that Arcep keeps for fiction (06 39 98 xx xx); mail domains end in example.org or
in .invalid (RFC 2606), so that no message ever reaches anybody.
"""

from __future__ import annotations

from datetime import date

from pydantic import BaseModel, ConfigDict


class DemoPerson(BaseModel):
    """A person of the file; ``phone`` is in E.164 form."""

    model_config = ConfigDict(frozen=True)

    first_name: str
    last_name: str
    birth_day: date
    email: str
    phone: str

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}"


class DemoAuthor(BaseModel):
    """A harasser as the file knows one: an account and what it wrote from."""

    model_config = ConfigDict(frozen=True)

    handle: str
    permanent_id: str
    email: str | None = None
    phone: str | None = None


VICTIM = DemoPerson(
    first_name="Camille",
    last_name="Perrin",
    birth_day=date(2012, 3, 1),
    email="camille.perrin@example.org",
    phone="+33639981014",
)
GUARDIAN = DemoPerson(
    first_name="Dominique",
    last_name="Perrin",
    birth_day=date(1981, 9, 23),
    email="dominique.perrin@example.org",
    phone="+33639981041",
)
SHADOW = DemoAuthor(
    handle="ombre_77", permanent_id="u-48213377", email="ombre.77@courrier.invalid", phone="+33639984477"
)
BLACK = DemoAuthor(handle="zed.noir", permanent_id="u-50917720")
PACK = DemoAuthor(handle="la_meute_4b", permanent_id="u-51300264")

AUTHORS = (SHADOW, BLACK, PACK)
SCHOOL = "Collège Jeanne-Valcourt"

SEARCHED: tuple[str, ...] = (
    *(text for person in (VICTIM, GUARDIAN) for text in (person.name, person.email, person.phone)),
    *(text for author in AUTHORS for text in (author.handle, author.permanent_id, author.email, author.phone) if text),
)
"""What must be found in no log, no metric and no event in the clear."""
