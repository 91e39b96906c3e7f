"""Guidance by persona and the short articles, in French and English, read from data."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.contracts.intake import Persona

FOLDER = Path(__file__).with_name("guidance")
PERSONAS: tuple[Persona, ...] = ("victim", "witness", "guardian", "institution")
ArticleName = Literal["cyberharassment", "online-hate", "our-part", "unknown-authors"]


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    heading: str
    text: tuple[str, ...]


class Told(BaseModel):
    """A text in one language: a title, one sentence that leads, sections of short paragraphs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    lead: str
    section: tuple[Section, ...] = Field(min_length=1)


class Guide(BaseModel):
    """A text in both languages. ``lawyer_reread``: whether a lawyer has signed off what it says of the law."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lawyer_reread: bool = False
    fr: Told
    en: Told

    def told(self, language: str) -> Told:
        return self.en if language == "en" else self.fr


class Guides(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    personas: dict[Persona, Guide]
    articles: dict[ArticleName, Guide]


def read_guides(folder: Path = FOLDER) -> Guides:
    """All texts. Raises ValueError when one lacks a language or a part."""
    return Guides.model_validate(
        {
            "personas": {one: _read(folder / f"{one}.toml") for one in PERSONAS},
            "articles": _read(folder / "articles.toml"),
        }
    )


def _read(path: Path) -> dict[str, object]:
    return tomllib.loads(path.read_text("utf-8"))
