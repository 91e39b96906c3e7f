"""Pages: Jinja2 with autoescape, one layout, per-language texts. Each page is also a fragment for htmx.

A template extends ``layout`` and fills the blocks ``title`` and ``main``. In it: ``language`` (fr or en), ``t(key)`` (a
text of the service's ``texts.toml``), ``frame(key)`` (a text of the layout), ``embedded`` (it is a part of another
page), the filters ``day``, ``moment`` (Europe/Paris) and ``amount``. ``next_step=(href, label)`` shows the one thing to
do next, at the end or where the template includes ``web/next.html`` and empties the block ``next``. A page embedded in
another one shows none: that page has its own.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from babel.dates import format_date, format_datetime
from babel.numbers import format_currency
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PrefixLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from starlette.requests import Request
from starlette.responses import HTMLResponse

from shared.clock import PARIS
from shared.money import Money
from shared.web.access import COOKIE as SESSION
from shared.web.language import COOKIE, LANGUAGES, QUERY, Language, language_of

QUICK_EXIT: Final = "https://meteofrance.com/"
"""Where the quick exit leads: a site that anybody looks at. Nothing is asked of it before the click."""

_HERE: Final = Path(__file__).with_name("templates")
_OF_A_CASE: Final = re.compile(r"/(?:[a-z]+/)?(cases/[0-9a-f-]{36})(/.*)?")
Texts = Mapping[str, Mapping[str, str]]


class Pages:
    """The pages of one service.

    Args:
        templates: its folder of templates; ``texts.toml`` in it, if any, has a table ``fr`` and a table ``en``.

    Raises:
        ValueError: the two tables have not the same keys.
    """

    def __init__(self, templates: Path) -> None:
        self._texts = read_texts(templates / "texts.toml")
        self._frame = read_texts(_HERE / "texts.toml")
        self._environment = Environment(
            loader=ChoiceLoader([FileSystemLoader(templates), PrefixLoader({"web": FileSystemLoader(_HERE)})]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters.update(_FILTERS)

    def render(self, request: Request, name: str, /, *, status: int = 200, **context: Any) -> HTMLResponse:
        """The page ``name`` in the person's language; only its main part where htmx asked for it."""
        language = language_of(request)
        fragment = request.headers.get("hx-request") == "true" and request.headers.get("hx-boosted") != "true"
        values: dict[str, Any] = {
            "next_step": None,
            "home": own_page(request),
            "here": request.url.path,
            # An answer to a form may show a code that no other address shows again.
            "may_switch": request.method == "GET",
            "session": SESSION in request.cookies,
            "quick_exit": QUICK_EXIT,
            **context,
            "language": language,
            "embedded": fragment,
            "layout": "web/fragment.html" if fragment else "web/base.html",
            "t": _text(self._texts, language),
            "frame": _text(self._frame, language),
        }
        response = HTMLResponse(self._environment.get_template(name).render(values), status)
        response.headers["Vary"] = "Accept-Language, Cookie, HX-Request"
        if request.query_params.get(QUERY) == language:
            secure = request.url.scheme == "https"
            response.set_cookie(COOKIE, language, max_age=180 * 86400, httponly=True, samesite="lax", secure=secure)
        return response

    def text(self, request: Request) -> Callable[..., str]:
        """The texts of these pages in the language of the request, by key."""
        return _text(self._texts, language_of(request))


def own_page(request: Request) -> str:
    """Where the person is at home from this page: the case's page, the team's list, else the start."""
    found = _OF_A_CASE.fullmatch(request.url.path)
    if found:
        return f"/{found[1]}"
    return "/team" if request.url.path.startswith("/team") else "/"


def read_texts(path: Path) -> Texts:
    """The texts of each language, none where there is no file. Raises ValueError when a language lacks a key."""
    if not path.exists():
        return {language: {} for language in LANGUAGES}
    texts: Texts = tomllib.loads(path.read_text(encoding="utf-8"))
    missing = {key for one in LANGUAGES for other in LANGUAGES for key in texts[one].keys() ^ texts[other].keys()}
    if missing:
        raise ValueError(f"{path.name} lacks a language for: {', '.join(sorted(missing))}.")
    return {**texts, "fr": {key: _unbroken(text) for key, text in texts["fr"].items()}}


def show_day(day: date, language: Language) -> str:
    """A day in words: ``lundi 23 novembre 2026``. An instant is taken in Europe/Paris."""
    local = day.astimezone(PARIS).date() if isinstance(day, datetime) else day
    return _first(format_date(local, format="full", locale=language), language)


def show_moment(instant: datetime, language: Language) -> str:
    """An instant in words, in Europe/Paris, to the minute."""
    return _first(format_datetime(instant, format="d MMMM y, HH:mm", tzinfo=PARIS, locale=language), language)


def show_amount(money: Money, language: Language) -> str:
    """An amount in words: ``80,00 €``."""
    return format_currency(money.cents / 100, money.currency, locale=language)


def _unbroken(text: str) -> str:
    # French puts a space before these signs, at which a line must not end.
    return re.sub(r" (?=[:;?!»])|(?<=«) ", "\u00a0", text)


def _first(shown: str, language: Language) -> str:
    # French counts the first of the month; the locale data do not.
    return re.sub(r"(?<!\S)1 (?=[^\W\d])", "1er ", shown, count=1) if language == "fr" else shown


def _in_its_language(show: Callable[[Any, Language], str]) -> Callable[..., str]:
    @pass_context
    def shown(context: Context, value: Any) -> str:
        return show(value, context["language"])

    return shown


_FILTERS: Final = {
    "day": _in_its_language(show_day),
    "moment": _in_its_language(show_moment),
    "amount": _in_its_language(show_amount),
}


def _text(texts: Texts, language: Language) -> Callable[..., str]:
    def text(key: str, **values: Any) -> str:
        return texts[language][key].format(**values) if values else texts[language][key]

    return text
