"""Typesetting: a Typst template and JSON data become a PDF (PDF/A-3b and PDF/UA-1), or a picture of its first page.

The same input always gives the same bytes: the instant comes from the caller and the only fonts are those inside the
``typst`` wheel (Libertinus Serif, New Computer Modern, DejaVu Sans Mono), so a machine's own fonts change nothing.

Data never becomes markup. A template reads it with ``#let data = json(bytes(sys.inputs.data))``, and Typst shows a
string as it stands. ``sys.inputs.language`` is the language's code, which the wrapper has already set.

Nothing of an exact quotation is lost in print: a character that no bundled font can draw, or that would only act on
its neighbours (bidirectional overrides, controls), is printed by its code point, as in ``[PIG FACE U+1F437]``. Only
the joiners and variation selectors, invisible by nature, are left out.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import tempfile
import unicodedata
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal

import typst
from pydantic import BaseModel, ConfigDict, Field

from shared.clock import milliseconds
from shared.errors import BrokenContract

Standard = Literal["a-3b", "ua-1"]
STANDARDS: tuple[Standard, ...] = ("a-3b", "ua-1")

_WRAPPER = """\
#set text(lang: sys.inputs.language, font: ("Libertinus Serif", "DejaVu Sans Mono"))
#for item in json(bytes(sys.inputs.attachments)) {
  pdf.attach(
    item.name,
    read(item.path, encoding: none),
    relationship: item.relationship,
    mime-type: item.media_type,
    description: item.description,
  )
}
#include "TEMPLATE"
"""

# The compiler names every character that it cannot draw, so the second round already succeeds in practice; shaping can
# change once neighbours are replaced, hence a few more.
_ROUNDS = 5
_UNDRAWABLE = re.compile(r"the text `(\"(?:[^\"\\]|\\.)*\")` could not be displayed")
_ESCAPED = re.compile(r"\\u\{([0-9a-fA-F]+)\}")
_INVISIBLE = {0x200C, 0x200D, *range(0xFE00, 0xFE10)}
_ACTING_CATEGORIES = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}
_SOFT_HYPHEN = 0x00AD


class Attachment(BaseModel):
    """A file embedded in a PDF/A-3 document; ``name`` is what a reader shows, unique in the document."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=200)
    content: bytes
    media_type: str = Field(pattern=r"^[a-z]+/[A-Za-z0-9.+-]+$")
    relationship: Literal["source", "data", "alternative", "supplement"] = "supplement"
    description: str = Field(min_length=1, max_length=500)


def typeset(
    template: Path,
    data: object,
    *,
    created: datetime,
    language: str = "fr",
    standards: Sequence[Standard] = STANDARDS,
    attachments: Sequence[Attachment] = (),
) -> bytes:
    """The PDF of ``template`` (a ``.typ`` file) filled with ``data`` (anything that JSON can say).

    Args:
        template: read with the other ``.typ`` files of its folder; it can reach no other file.
        data: what the template reads as ``sys.inputs.data``.
        created: the document's instant, aware; written to its metadata in UTC, to the second.
        language: ISO 639-1 code; sets hyphenation and the tag that screen readers use.
        standards: the PDF profiles that the compiler enforces.
        attachments: files embedded in the document, each with a name of its own.

    Raises:
        BrokenContract: the template is missing or does not accept this data, the data is not JSON, or two
            attachments share a name. The message names the template and quotes nothing of the data.
        ValueError: ``created`` has no time zone.

    Blocks for milliseconds to seconds with the interpreter lock released: in a coroutine use `typeset_async`.
    """
    names = [item.name for item in attachments]
    if len(set(names)) != len(names):
        raise BrokenContract(f"{template.name}: two attachments share a name. Give each file its own.")
    stamp = int(milliseconds(created).timestamp())

    def compile_pdf(main: Path, inputs: dict[str, str]) -> bytes:
        return typst.compile(
            main,
            root=main.parent,
            format="pdf",
            ignore_system_fonts=True,
            sys_inputs=inputs,
            pdf_standards=list(standards),
            timestamp=stamp,
        )

    return _fill(template, data, language, attachments, compile_pdf)


async def typeset_async(
    template: Path,
    data: object,
    *,
    created: datetime,
    language: str = "fr",
    standards: Sequence[Standard] = STANDARDS,
    attachments: Sequence[Attachment] = (),
) -> bytes:
    """`typeset` in a thread, so that the event loop goes on."""
    return await asyncio.to_thread(
        typeset,
        template,
        data,
        created=created,
        language=language,
        standards=standards,
        attachments=attachments,
    )


def picture(template: Path, data: object, *, created: datetime, language: str = "fr", ppi: int = 144) -> bytes:
    """The PNG of the one page of ``template`` filled with ``data``. Raises as `typeset` does.

    Typst does not notice a missing glyph in a picture, so a PDF is tried first to find what has to be spelled out.
    """
    stamp = int(milliseconds(created).timestamp())

    def compile_png(main: Path, inputs: dict[str, str]) -> bytes:
        typst.compile(
            main,
            root=main.parent,
            format="pdf",
            ignore_system_fonts=True,
            sys_inputs=inputs,
            pdf_standards=["a-3b"],
            timestamp=stamp,
        )
        made = typst.compile(
            main,
            root=main.parent,
            format="png",
            ppi=ppi,
            ignore_system_fonts=True,
            sys_inputs=inputs,
            timestamp=stamp,
        )
        if not isinstance(made, bytes):
            raise BrokenContract(f"{template.name}: a picture has one page. Shorten the data or let the page grow.")
        return made

    return _fill(template, data, language, (), compile_png)


def printable(text: str, undrawable: frozenset[str] = frozenset()) -> str:
    """``text`` with what cannot be shown (``undrawable``, controls, overrides) spelled out by code point."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", "    ")
    if text.isascii() and text.replace("\n", "").isprintable():
        return text
    return "".join(_shown(character, undrawable) for character in text)


def _shown(character: str, undrawable: frozenset[str]) -> str:
    code = ord(character)
    if character == "\n" or code == _SOFT_HYPHEN:
        return character
    if code in _INVISIBLE:
        return ""
    category = unicodedata.category(character)
    if category not in _ACTING_CATEGORIES and character not in undrawable:
        return character
    # A pictogram is read by its name; a letter of an unknown script is better kept short.
    name = unicodedata.name(character, "") if category in {"So", "Sk"} else ""
    return f"[{name} U+{code:04X}]" if name else f"[U+{code:04X}]"


def _fill(
    template: Path,
    data: object,
    language: str,
    attachments: Sequence[Attachment],
    compile_main: Callable[[Path, dict[str, str]], bytes],
) -> bytes:
    if not template.is_file():
        raise BrokenContract(f"The template {template.name} is missing. Install recours with its package data.")
    undrawable: frozenset[str] = frozenset()
    with tempfile.TemporaryDirectory(prefix="recours-typeset-") as folder:
        root = Path(folder)
        # A folder of its own as root: a template reaches its siblings and the attachments, and no other file.
        for sibling in template.parent.glob("*.typ"):
            shutil.copyfile(sibling, root / sibling.name)
        main = root / "__main__.typ"
        main.write_text(_WRAPPER.replace("TEMPLATE", template.name), encoding="utf-8")
        listed = []
        for number, item in enumerate(attachments, start=1):
            (root / f"attachment-{number}").write_bytes(item.content)
            listed.append({**item.model_dump(exclude={"content"}), "path": f"attachment-{number}"})
        for _ in range(_ROUNDS):
            inputs = {
                "data": _json(template, data, undrawable),
                "attachments": _json(template, listed, undrawable),
                "language": language,
            }
            try:
                return compile_main(main, inputs)
            except typst.TypstError as error:
                missing = _undrawable(error)
                if not missing or missing <= undrawable:
                    raise BrokenContract(_explained(template, inputs["data"], error)) from None
                undrawable |= missing
    raise BrokenContract(f"{template.name}: some characters could not be drawn or spelled out. Report its fonts.")


def _json(template: Path, data: object, undrawable: frozenset[str]) -> str:
    try:
        return json.dumps(_spelled(data, undrawable), ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError):
        # The original exception may quote the data.
        raise BrokenContract(f"{template.name}: the data is not JSON. Pass text, numbers, lists and objects.") from None


def _spelled(value: object, undrawable: frozenset[str]) -> object:
    match value:
        case str():
            return printable(value, undrawable)
        case dict():
            return {key: _spelled(item, undrawable) for key, item in value.items()}
        case list() | tuple():
            return [_spelled(item, undrawable) for item in value]
        case _:
            return value


def _undrawable(error: typst.TypstError) -> frozenset[str]:
    found: set[str] = set()
    for quoted in _UNDRAWABLE.findall(f"{error.message}\n{error.diagnostic}"):
        text = _ESCAPED.sub(lambda escape: chr(int(escape[1], 16)), quoted[1:-1])
        found.update(character for character in text if not character.isascii())
    return frozenset(found)


def _explained(template: Path, data: str, error: typst.TypstError) -> str:
    """What is wrong and where, without any quotation or word that stands only in the data."""
    source = template.read_text(encoding="utf-8")
    private = set(re.findall(r"\w+", data)) - set(re.findall(r"\w+", source))
    message = re.sub(
        r"`[^`]*`|\"[^\"]*\"|“[^”]*”",
        lambda quote: quote[0] if quote[0].strip('`"“”') in source else "(…)",
        error.message.splitlines()[0],
    )
    message = re.sub(r"\w+", lambda word: "…" if word[0] in private else word[0], message)
    place = re.search(r"([^/\s]+\.typ:\d+:\d+)", error.diagnostic)
    return f"{template.name} could not be typeset: {message} ({place[1] if place else 'no position'})."
