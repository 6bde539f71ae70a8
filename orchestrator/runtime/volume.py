"""The files below the state volume, as the plan sees them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from orchestrator.desired import MARKS_FILE
from orchestrator.documents import write_atomically

RENDERED = "rendered"
RUN = "run"
_TOLD = "told.json"


class Volume:
    """Rendered files (ours to write) and service directories (theirs to write)."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def files(self) -> dict[str, str]:
        """Return {path: content} of every rendered file but the marks."""
        found = {}
        for path in sorted((self._root / RENDERED).rglob("*")):
            name = str(path.relative_to(self._root))
            if path.is_file() and not path.name.startswith(".") and name != MARKS_FILE:
                found[name] = _text(path)
        return found

    def directories(self) -> frozenset[str]:
        """Return the directories two levels down, such as `run/dhcp`."""
        return frozenset(
            str(path.relative_to(self._root))
            for parent in (RENDERED, RUN)
            for path in (self._root / parent).glob("*/")
        )

    def told(self) -> dict[str, dict[str, str]]:
        """Return what each container was told of its files; damaged, it is nothing."""
        try:
            told: dict[str, dict[str, str]] = json.loads(self.read(_TOLD) or "{}")
        except ValueError:
            return {}
        well_formed = isinstance(told, dict) and all(isinstance(v, dict) for v in told.values())
        return told if well_formed else {}

    def remember_told(self, container: str, versions: Mapping[str, str]) -> None:
        """Remember that a container has taken these versions of its files. Raises OSError."""
        self.write(_TOLD, json.dumps({**self.told(), container: dict(versions)}, indent=1))

    def read(self, name: str) -> str | None:
        """Return a file's text, or None when there is none."""
        try:
            return _text(self._root / name)
        except OSError:
            return None

    def changed_at(self, name: str) -> int:
        """Return a number that changes with the file; 0 when there is none."""
        try:
            return (self._root / name).stat().st_mtime_ns
        except OSError:
            return 0

    def write(self, name: str, content: str) -> None:
        """Replace a file atomically. Raises OSError."""
        write_atomically(self._root / name, content.encode(), mode=_mode(name))

    def make_directory(self, name: str) -> None:
        """Make a directory that a container mounts."""
        (self._root / name).mkdir(parents=True, exist_ok=True)

    def remove(self, name: str) -> None:
        """Remove a file; one that is gone is no error."""
        (self._root / name).unlink(missing_ok=True)

    def remove_directory(self, name: str) -> None:
        """Remove a directory with what is in it; one that is gone is no error."""
        shutil.rmtree(self._root / name, ignore_errors=True)


def _text(path: Path) -> str:
    # Line ends as they are: a translated "\r\n" would look like a change for ever.
    return path.read_bytes().decode(errors="replace")


def _mode(name: str) -> int:
    # Profiles, credentials and passphrases are secrets; the rest is read by services without root.
    secret = (f"{RENDERED}/egress-", f"{RENDERED}/hostapd/")
    return 0o600 if name.startswith(secret) else 0o644
