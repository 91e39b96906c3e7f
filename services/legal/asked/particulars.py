"""What can be seen to be wrong with a draft's particulars before its job is asked for."""

from __future__ import annotations

from services.legal.domain.state import Case, reported
from services.legal.particulars import Particulars
from shared.errors import Refused


def check(told: Particulars, state: Case) -> None:
    """What can be seen to be wrong before a draft is asked for. Raises Refused, naming the field."""
    acts = {one.act for one in reported(state)}
    for number, one in enumerate(told.acts):
        if one.act not in acts:
            raise Refused(
                "act-unknown",
                "This act is not in the case. Take its id from the proposal.",
                field=f"particulars.acts.{number}.act",
            )
    if len({one.act for one in told.acts}) != len(told.acts):
        raise Refused("act-twice", "Tell each act once.", field="particulars.acts")
    for number, exhibit in enumerate(told.exhibits or ()):
        if exhibit not in state.usable_exhibits:
            message = "This exhibit is not in the case, or may not be used any more. Take it out."
            raise Refused("exhibit-unknown", message, field=f"particulars.exhibits.{number}")
    count = len(dict.fromkeys(told.exhibits) if told.exhibits is not None else state.usable_exhibits)
    quoted = [
        *(number for one in told.acts for number in one.exhibits),
        *(one.exhibit or 0 for one in told.harm.certificates),
        *(one.exhibit or 0 for one in told.earlier_complaints),
        *(one.exhibit or 0 for one in told.witnesses),
    ]
    if quoted and max(quoted) > count:
        message = f"Exhibit {max(quoted)} is quoted and {count} are listed. Correct the number."
        raise Refused("exhibit-not-listed", message, field="particulars")
    authors = {one.number for one in told.authors}
    if told.authors and any(one.author is not None and one.author not in authors for one in told.acts):
        raise Refused("author-not-listed", "An act quotes an author that is not listed.", field="particulars.acts")
