"""French law as dated data: the TOML files are the rules, `book` reads and validates them.

Importing this package validates every rule, so a service with a broken rule does not start. When a text changes, the
version in force gets a ``valid_to`` and a new version with the same id begins that day; when a text is only renumbered,
the rule stays and its citation ends where a new one begins. Each version carries dated examples, which the tests run.
"""

from __future__ import annotations

from services.legal.rules.book import Rule, RuleBook, load

__all__ = ["Rule", "RuleBook", "load"]

load()
