"""Forms as a browser without scripts reads them: what each would send as it stands on the page."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any


class Forms(HTMLParser):
    """``found``: by action, the inputs that would be sent, each with its values."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: dict[str, dict[str, list[str]]] = {}
        self._form: dict[str, list[str]] | None = None
        self._select: str | None = None
        self._area: str | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        told = dict(attrs)
        if tag == "form":
            self._form = self.found.setdefault(told["action"], {})
        if self._form is None:
            return
        match tag:
            case "input" if told.get("type") not in {"checkbox", "radio"} or "checked" in told:
                self._form.setdefault(told["name"], []).append(told.get("value", ""))
            case "select":
                self._select = told["name"]
                self._form[told["name"]] = []
            case "option" if self._select is not None:
                if "selected" in told or not self._form[self._select]:
                    self._form[self._select] = [told.get("value", "")]
            case "textarea":
                self._area = told["name"]
                self._form[told["name"]] = [""]

    def handle_data(self, data: str) -> None:
        if self._form is not None and self._area is not None:
            self._form[self._area] = [self._form[self._area][0] + data]

    def handle_endtag(self, tag: str) -> None:
        match tag:
            case "form":
                self._form = None
            case "select":
                self._select = None
            case "textarea":
                self._area = None


async def send(http: Any, page: str, action: str, **typed: Any) -> Any:
    """The form of ``page`` sent as it stands but for what is ``typed``; dots in names are written ``__``."""
    told = {**Forms(page).found[action], **{name.replace("__", "."): value for name, value in typed.items()}}
    return await http.post(action, data=told)
