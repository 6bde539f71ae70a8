"""Small documents that survive a power cut.

An SD card may lose power in the middle of a write. A document is therefore written beside its
place, flushed to the card, and renamed over it; the version before stays as NAME.previous. A
reader gets the newest version that parses, and learns when something had to be set aside.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

T = TypeVar("T")


def write_atomically(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Replace `path` by `content` so that a reader, or the next boot, sees all of it or none.

    Raises OSError (disk full, read-only card); the old content then still stands.
    """
    make_directory(path.parent)
    temporary = path.with_name(f".{path.name}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            os.fchmod(stream.fileno(), mode)  # the umask, or an older file's mode, may differ
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def make_directory(directory: Path, mode: int = 0o777) -> None:
    """Make a directory, and those above it, that outlast a power cut. Raises OSError."""
    missing = [path for path in (directory, *directory.parents) if not path.is_dir()]
    for path in reversed(missing):
        path.mkdir(mode=mode if path == directory else 0o777, exist_ok=True)
        sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Make the names in a directory outlast a power cut. Raises OSError."""
    # Without this the rename itself may be lost, and with it the newest version.
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@dataclass(frozen=True, slots=True)
class Reading(Generic[T]):
    """What was found: `value` is None when nothing readable was there.

    `damaged` names each file that was there and could not be read; it was set aside under
    that name.
    """

    value: T | None
    damaged: tuple[str, ...] = ()


class Document(Generic[T]):
    """One value of dataclass `T`, kept as JSON in a file."""

    def __init__(self, path: Path, kind: type[T]) -> None:
        self._path = path
        self._previous = path.with_name(path.name + ".previous")
        self._adapter = TypeAdapter(kind)

    def read(self) -> Reading[T]:
        """Return the newest readable version."""
        damaged: list[str] = []
        for candidate in (self._path, self._previous):
            try:
                return Reading(self._adapter.validate_json(candidate.read_bytes()), tuple(damaged))
            except FileNotFoundError:
                continue
            except (OSError, ValidationError):
                damaged.append(_set_aside(candidate))
        return Reading(None, tuple(damaged))

    def write(self, value: T) -> None:
        """Replace the document. Raises OSError when that is impossible; nothing is lost then."""
        content = self._adapter.dump_json(value, indent=1)
        with contextlib.suppress(FileNotFoundError):
            self._keep_as_previous()
        write_atomically(self._path, content)

    def forget_previous(self) -> None:
        """Remove the version before, when it must not come back. Raises OSError."""
        self._previous.unlink(missing_ok=True)
        sync_directory(self._previous.parent)

    def _keep_as_previous(self) -> None:
        # A hard link costs no write of data. It takes the old one's place only when it is made:
        # after a damaged newest version was set aside, the old one is all there is.
        link = self._path.with_name(f".{self._previous.name}.new")
        link.unlink(missing_ok=True)
        os.link(self._path, link)
        os.replace(link, self._previous)
        link.unlink(missing_ok=True)  # rename(2) leaves it when both are one file already


def _set_aside(path: Path) -> str:
    aside = path.with_name(path.name + ".damaged")
    with contextlib.suppress(OSError):
        os.replace(path, aside)
    return aside.name
