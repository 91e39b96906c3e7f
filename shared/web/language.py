"""In which language a page speaks: what the link asked, else the cookie, else the browser, else French."""

from __future__ import annotations

from typing import Final, Literal, get_args

from starlette.requests import Request

Language = Literal["fr", "en"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)
COOKIE: Final = "recours_language"
QUERY: Final = "lang"


def language_of(request: Request) -> Language:
    """French unless the person asked for, or their browser prefers, English."""
    for asked in (request.query_params.get(QUERY), request.cookies.get(COOKIE)):
        if (known := _known(asked)) is not None:
            return known
    for part in sorted(request.headers.get("accept-language", "").split(","), key=_weight, reverse=True):
        if (known := _known(part.split(";")[0].strip()[:2].lower())) is not None:
            return known
    return "fr"


def _known(text: str | None) -> Language | None:
    return next((one for one in LANGUAGES if one == text), None)


def _weight(part: str) -> float:
    _, _, quality = part.partition(";q=")
    try:
        return float(quality or 1)
    except ValueError:
        return 0.0
