"""``python -m tests.browser.install``: what the tests in a browser need, got where it is missing.

Playwright is in the lock of development. Chromium is Debian's, through apt where this runs as root. axe-core comes
through npm into ``var/browser``, in the version and with the digest of ``package-lock.json``. What cannot be got is
named, and the exit code is 1.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
FOLDER: Final = HERE.parents[1] / "var" / "browser"
BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")
_MANIFESTS: Final = ("package.json", "package-lock.json")


class Missing(Exception):
    """Something that cannot be got here; the message says what to do."""


def chromium(settings: Mapping[str, str] = os.environ) -> Path | None:
    """The browser: that of ``RECOURS_CHROMIUM``, else the first one on the path."""
    named = settings.get("RECOURS_CHROMIUM")
    found = named if named is not None else next(filter(None, map(shutil.which, BROWSERS)), None)
    return Path(found) if found is not None and Path(found).is_file() else None


def axe(settings: Mapping[str, str] = os.environ, folder: Path = FOLDER) -> Path | None:
    """axe-core's one file: that of ``RECOURS_AXE``, else the installed one if it is of the locked version."""
    if "RECOURS_AXE" in settings:
        return Path(settings["RECOURS_AXE"]) if Path(settings["RECOURS_AXE"]).is_file() else None
    package = folder / "node_modules" / "axe-core"
    try:
        version = json.loads((package / "package.json").read_text("utf-8"))["version"]
    except (OSError, ValueError, KeyError):
        return None
    locked = json.loads((HERE / "package-lock.json").read_text("utf-8"))["packages"]["node_modules/axe-core"]
    script = package / "axe.min.js"
    return script if version == locked["version"] and script.is_file() else None


def install_chromium(settings: Mapping[str, str] = os.environ, *, root: bool | None = None) -> None:
    """Raises Missing when there is none and none can be got."""
    if chromium(settings) is not None:
        return
    if "RECOURS_CHROMIUM" in settings:
        raise Missing("RECOURS_CHROMIUM names no file: correct it, or leave it out.")
    if not (os.geteuid() == 0 if root is None else root) or shutil.which("apt-get") is None:
        raise Missing("Chromium is missing: as root, run apt-get install chromium; or set RECOURS_CHROMIUM.")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = [
        subprocess.run(command, env=environment, check=False).returncode
        for command in (
            ["apt-get", "-q", "update"],
            ["apt-get", "-qy", "install", "--no-install-recommends", "chromium"],
        )
    ]
    if chromium(settings) is None:
        raise Missing(f"apt-get could not install chromium (exit codes {done}): its messages stand above.")


def install_axe(settings: Mapping[str, str] = os.environ, folder: Path = FOLDER) -> None:
    """Raises Missing when it is not there and cannot be got."""
    if axe(settings, folder) is not None:
        return
    if "RECOURS_AXE" in settings:
        raise Missing("RECOURS_AXE names no file: correct it, or leave it out.")
    npm = shutil.which("npm")
    if npm is None:
        raise Missing("axe-core is missing and so is npm: install npm, or set RECOURS_AXE to axe-core's axe.min.js.")
    folder.mkdir(parents=True, exist_ok=True)
    for name in _MANIFESTS:
        shutil.copyfile(HERE / name, folder / name)
    # `ci` installs what the lock says and nothing else, and checks its digest.
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    code = subprocess.run(command, cwd=folder, check=False).returncode
    if axe(settings, folder) is None:
        raise Missing(f"npm could not install axe-core (exit code {code}): its messages stand above.")


def missing() -> Iterator[str]:
    """Install what can be; what could not."""
    if importlib.util.find_spec("playwright") is None:
        yield "Playwright is missing: run make setup, which installs requirements-dev.lock."
    for install in (install_chromium, install_axe):
        try:
            install()
        except Missing as problem:
            yield str(problem)


if __name__ == "__main__":
    problems = list(missing())
    for problem in problems:
        sys.stderr.write(f"{problem}\n")
    sys.exit(1 if problems else 0)
