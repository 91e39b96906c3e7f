"""What the demonstration leaves: a folder that other tools read, as the README describes it."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from deploy.demo.story import Played
from deploy.embedded.supervisor import Platform
from shared.contracts.catalogue import topics
from shared.runtime import archive
from shared.trust.keyring import Keyring

QUALIFIED = {"qualified": True, "not-qualified": False}
"""What ``exhibit.json`` says of a token; ``unknown`` becomes null."""


async def write(folder: Path, platform: Platform, played: Played) -> int:
    """Write everything but the audit's report; gives the number of records in the log."""
    for exhibit, sample in played.exhibits.items():
        _exhibit(folder / "exhibits" / exhibit, sample.content, played.tokens[exhibit], played.stamps[exhibit])
    shutil.copyfile(platform.site.chain, folder / "tsa-chain.pem")
    (folder / "complaint.pdf").write_bytes(played.complaint_pdf)
    (folder / "invoice.pdf").write_bytes(played.invoice_pdf)
    (folder / "hearing.ics").write_bytes(played.hearing_ics)
    for name, receipt in played.receipts.items():
        _made(folder / "receipts").joinpath(f"{name}.jws").write_text(receipt + "\n", encoding="ascii")
    for mail in sorted(platform.site.mails.glob("*.eml")):
        shutil.copyfile(mail, _made(folder / "mails") / mail.name)
    settings = platform.settings_for("operator")
    async with Keyring(settings["RECOURS_KEYRING"], settings["RECOURS_KEYRING_TOKEN"]) as keyring:
        (folder / "service-keys.json").write_text((await keyring.public_keys()).to_json() + "\n", encoding="utf-8")
    return await archive.write_file(folder / "log.jsonl", archive.BusReading(settings["RECOURS_BUS"], topics()))


def summarise(folder: Path, played: Played, records: int) -> None:
    """``summary.json``: seconds per step and the ids to look for."""
    said = {
        "case": played.case,
        "erased_case": played.other_case,
        "erasure": played.erasure,
        "records": records,
        "seconds": played.seconds,
        "seconds_total": round(sum(played.seconds.values()), 3),
    }
    _json(folder / "summary.json", said)


def _exhibit(folder: Path, content: bytes, token: bytes, shown: dict[str, Any]) -> None:
    _made(folder)
    (folder / "original").write_bytes(content)
    (folder / "token.tsr").write_bytes(token)
    stamp = shown["timestamp"]
    _json(
        folder / "exhibit.json",
        {
            "exhibit": shown["exhibit"],
            "name": shown["name"],
            "sha256": hashlib.sha256(content).hexdigest(),
            "size": len(content),
            "media_type": shown["media_type"],
            "grade": shown["grade"],
            "gen_time": stamp["time"],
            "authority": stamp["authority"],
            "qualified": QUALIFIED.get(stamp["qualification"]),
            "qualification": stamp["qualification"],
        },
    )


def _json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
