"""``recours receipts check``: what the receipts that a person holds say, and whether a service of recours signed them.

It needs the files and service-keys.json, and nothing else: no network, no platform, nobody's word.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from pydantic import BaseModel, ConfigDict

from deploy.cli.instants import shown
from deploy.cli.options import AsJson
from deploy.cli.printing import console
from deploy.cli.receipt_words import Fault, Language, Sentence, nothing, sentence, term, words_of
from deploy.embedded.site import SERVICES
from shared.contracts.envelope import signed_bytes
from shared.errors import BrokenContract, BrokenSignature, SignatureFault, Unavailable
from shared.runtime.archive import read_file
from shared.runtime.messages import Arrival
from shared.trust import receipts
from shared.trust.jws import read_unverified
from shared.trust.signing import KeySet

ALL_GOOD, SOME_BAD, NOT_CHECKED = 0, 1, 2
MAX_BYTES: Final = 64 * 1024 * 1024
_TOKEN: Final = re.compile(r"[A-Za-z0-9_=-]*\.[A-Za-z0-9_=-]*\.[A-Za-z0-9_=-]*")
_TYPE: Final = re.compile(r"recours\.([a-z-]{1,60})\.v(\d{1,6})")


class Checked(BaseModel):
    """One receipt: where it was found, whether it is good, and what it says (``claims``) or what is wrong with it."""

    model_config = ConfigDict(frozen=True)

    file: str
    good: bool
    says: str
    claims: dict[str, Any] | None = None


class Unreadable(Exception):
    """A file that cannot be read as receipts, keys or a log at all: ``fault`` says why, ``told`` fills its blanks."""

    def __init__(self, fault: Fault, **told: object) -> None:
        super().__init__(fault)
        self.fault = fault
        self.told = told

    def say(self, language: Language) -> str:
        return sentence(self.fault, language, **self.told)


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    group = typer.Typer(help="Receipts that a person holds: check them, without any network.", no_args_is_help=True)
    app.add_typer(group, name="receipts")

    @group.callback()
    def _group() -> None:
        """Keep `check` a command of its own, though it is the only one."""

    @group.command()
    def check(
        files: Annotated[list[Path], typer.Argument(help="Receipts (.jws), or a JSON answer that holds them.")],
        keys: Annotated[Path, typer.Option(help="The service-keys.json to trust: take it from where you trust it.")],
        as_json: AsJson = False,
        log: Annotated[Path | None, typer.Option(help="A log.jsonl in which each event must be as receipted.")] = None,
        language: Annotated[Language, typer.Option(help="Of what is printed: en or fr.")] = "en",
    ) -> None:
        """Verify receipts offline and say what each of them says.

        Exit code 0: a service of recours signed all of them (and, with --log, the log holds what they are for).
        1: at least one is not good. 2: a file could not be read.
        """
        unreadable: list[tuple[Path, str]] = []
        checked: list[Checked] = []
        try:
            trusted = keys_of(keys)
        except Unreadable as error:
            unreadable.append((keys, error.say(language)))
        else:
            for file in files:
                try:
                    checked += [check_one(str(file), one, trusted, language) for one in receipts_in(file)]
                except Unreadable as error:
                    unreadable.append((file, error.say(language)))
            if log is not None:
                try:
                    checked = looked_up(checked, log, language)
                except Unreadable as error:
                    unreadable.append((log, error.say(language)))
        _print_json(checked, unreadable) if as_json else _print(checked, unreadable, language)
        if unreadable:
            raise typer.Exit(NOT_CHECKED)
        raise typer.Exit(ALL_GOOD if all(one.good for one in checked) else SOME_BAD)


def keys_of(file: Path) -> KeySet:
    """The services' keys in a service-keys.json; partners' sign no receipts. Raises Unreadable."""
    try:
        return KeySet(key for key in KeySet.from_json(_content(file)) if key.service in SERVICES)
    except BrokenContract:
        raise Unreadable("no-keys") from None


def receipts_in(file: Path) -> list[str]:
    """The receipts in a file: one or several, with spaces between, or in the strings of a JSON value.

    Raises Unreadable when the file cannot be read, or holds none.
    """
    text = _content(file)
    try:
        found = list(_strings(json.loads(text)))
    except (ValueError, RecursionError):
        found = text.split()
        # A word that is none could be a spoilt receipt: nothing is skipped in silence.
        if not all(map(_TOKEN.fullmatch, found)):
            raise Unreadable("other-words") from None
    if not found:
        raise Unreadable("no-receipt")
    return found


def check_one(file: str, receipt: str, keys: KeySet, language: Language) -> Checked:
    """What a receipt says, or why it is not good."""
    try:
        claims = receipts.check(receipt, keys)
    except BrokenSignature as error:
        return Checked(file=file, good=False, says=_wrong(receipt, error.fault, keys, language))
    return Checked(file=file, good=True, says=_said(claims, language), claims=claims)


def looked_up(checked: list[Checked], log: Path, language: Language) -> list[Checked]:
    """The same, each receipt of an event held against the log: good only if the log has exactly what it was given for.

    Raises Unreadable when the log cannot be read.
    """
    wanted = {(one.claims or {}).get("event") for one in checked} - {None}
    there: dict[str, set[str]] = {}
    for record in _records(log):
        event = dict(record.headers).get("ce_id", b"").decode(errors="replace")
        if event in wanted:
            digest = hashlib.sha256(signed_bytes(record.headers, record.body)).hexdigest()
            there.setdefault(event, set()).add(digest)
    return [_held_against(one, there, language) for one in checked]


def _records(log: Path) -> Iterator[Arrival]:
    count = 0
    try:
        for record in read_file(log):
            count += 1
            yield record
    except BrokenContract:
        raise Unreadable("no-log", line=count + 1) from None
    except Unavailable as error:
        raise Unreadable("no-file", error=type(error.__cause__).__name__) from error


def _held_against(one: Checked, there: Mapping[str, set[str]], language: Language) -> Checked:
    match one.claims:
        case {"event": str() as event, "sha256": str() as digest}:
            digests = there.get(event, set())
            verdict: Sentence = "in-log" if digests == {digest} else "altered-in-log" if digests else "not-in-log"
            told = f"{one.says} {sentence(verdict, language)}"
            return one.model_copy(update={"good": one.good and verdict == "in-log", "says": told})
        case _:
            return one


def _wrong(receipt: str, fault: SignatureFault, keys: KeySet, language: Language) -> str:
    if fault == "unreadable":
        return sentence(fault, language)
    kid, claims = read_unverified(receipt, receipts.TYP)
    key = keys.get(kid)
    told = {"key": kid, "issuer": claims["iss"], "issued": shown(receipts.issued_at(claims))}
    if key is not None:
        told |= {"owner": key.service, "begins": shown(key.not_before), "ends": shown(key.not_after)}
    return sentence(fault, language, **told)


def _said(claims: dict[str, Any], language: Language) -> str:
    told = {"issuer": claims["iss"], "issued": shown(receipts.issued_at(claims))}
    match claims:
        case {"type": str() as kind, "time": str() as time, "case": str() as case} if named := _TYPE.fullmatch(kind):
            words = words_of(named[1], language)
            return sentence("event", language, **told, time=_instant(time), case=case, words=words)
        case {
            "certificate": "erasure",
            "case": str() as case,
            "cleared": dict() as cleared,
            "readable": list() as left,
        }:
            pairs = [(who, what) for who, one in cleared.items() for what in (one or {}).get("kept", {})]
            kept = sorted(f"{term(str(what), language)} ({who})" for who, what in pairs)
            readable = [term(str(one), language) for one in left]
            lists = {"cleared": sorted(cleared), "kept": kept, "readable": readable}
            joined = {name: ", ".join(map(str, values)) or nothing(language) for name, values in lists.items()}
            return sentence("erasure", language, **told, case=case, **joined)
        case _:
            return sentence("other", language, **told, claims=json.dumps(claims, ensure_ascii=False, sort_keys=True))


def _instant(text: str) -> str:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return text
    return shown(instant) if instant.tzinfo is not None else text


def _content(file: Path) -> str:
    try:
        if file.stat().st_size > MAX_BYTES:
            raise Unreadable("too-large", megabytes=MAX_BYTES // 2**20)
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Unreadable("no-file", error=type(error).__name__) from error


def _strings(value: object) -> Iterator[str]:
    """Every ``receipt`` of a JSON value, as the services answer them; or every text of a list."""
    match value:
        case {"receipt": str() as receipt}:
            yield receipt
        case str():
            yield value
        case list():
            for one in value:
                yield from _strings(one)
        case dict():
            for one in value.values():
                if isinstance(one, dict | list):
                    yield from _strings(one)
        case _:
            pass


def _print(checked: list[Checked], unreadable: list[tuple[Path, str]], language: Language) -> None:
    for one in checked:
        verdict = sentence("good" if one.good else "not-good", language)
        # What is printed comes from a file of anybody's: nothing in it may steer the terminal.
        console().print(f"{verdict}  {one.file}\n    {_plain(one.says)}")
    for file, why in unreadable:
        console().print(f"{sentence('not-checked', language)}  {file}\n    {_plain(why)}")
    good = sum(one.good for one in checked)
    console().print(sentence("count", language, good=good, bad=len(checked) - good, files=len(unreadable)))


def _print_json(checked: list[Checked], unreadable: list[tuple[Path, str]]) -> None:
    result = "not-checked" if unreadable else "ok" if all(one.good for one in checked) else "not-good"
    said = {
        "result": result,
        "receipts": [one.model_dump() for one in checked],
        "unreadable": [{"file": str(file), "why": why} for file, why in unreadable],
    }
    typer.echo(json.dumps(said, indent=2, ensure_ascii=False))


def _plain(text: str) -> str:
    return "".join(one if one.isprintable() else "�" for one in text)
