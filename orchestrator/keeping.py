"""`backup` and `restore`, as the host's command calls them.

The passphrase is the first line of standard input, a backup to restore the rest: neither is ever
an argument or a variable that others could see. A backup is written to standard output.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from orchestrator.backup import checking, contents, restoring, sealed
from orchestrator.model import HostFacts

_LONGEST = 1024  # bytes of a passphrase


class Unkept(Exception):
    """A backup can't be made or restored; nothing was changed. `hint` says what would be right."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Folders:
    """The configuration's folder, and the state volume."""

    config: Path
    state: Path


def back_up(folders: Folders, stream: BinaryIO) -> bytes:
    """Return a backup of this router. Raises Unkept."""
    passphrase = _passphrase(stream)
    try:
        found = contents.collect(folders.config, folders.state)
        if not found.config and not found.state:
            raise Unkept("there is nothing to back up", "the router was never set up here")
        return sealed.seal(contents.pack(found), passphrase)
    except contents.Unreadable as error:
        raise Unkept(str(error)) from error
    except ValueError as error:
        raise Unkept(str(error), f"take {sealed.SHORTEST} characters or more") from error


def open_backup(stream: BinaryIO) -> contents.Contents:
    """Return what a backup holds. Raises Unkept."""
    passphrase = _passphrase(stream)
    file = stream.read(sealed.LARGEST + 1)
    if len(file) > sealed.LARGEST:
        raise Unkept("this is no backup of Manyways: it is larger than 64 MiB")
    try:
        return contents.unpack(sealed.unseal(file, passphrase))
    except sealed.Unopened as error:
        raise Unkept(error.message, error.hint) from error


def before(folders: Folders) -> contents.Contents:
    """Return what was there before the last restore. Raises Unkept."""
    try:
        found = restoring.previous(folders.config, folders.state)
    except contents.Unreadable as error:
        raise Unkept(str(error)) from error
    if found is None:
        raise Unkept("nothing was restored here, so there is nothing to take back")
    return found


def restore(
    wanted: contents.Contents, folders: Folders, facts: HostFacts | None, *, dry_run: bool
) -> checking.Preview:
    """Lay everything ready and put the configuration into place. Raises Unkept."""
    try:
        there = contents.collect(folders.config, folders.state)
        preview = checking.look(wanted, there, facts)
        if not dry_run:
            beside = bool(preview.mistakes)
            restoring.stage(wanted, folders.config, folders.state, beside=beside)
            restoring.place(folders.config, beside=beside)
    except contents.Unreadable as error:
        raise Unkept(str(error)) from error
    except sealed.Unopened as error:
        raise Unkept(error.message, error.hint) from error
    except OSError as error:
        raise Unkept(
            f"the restore could not be finished: {error.strerror}", "the router goes on as before"
        ) from error
    return preview


def _passphrase(stream: BinaryIO) -> str:
    if stream.isatty():
        raise Unkept(
            "the passphrase is read from the first line of standard input",
            "the host's command, compose/orchestrator, asks for it",
        )
    line = stream.readline(_LONGEST).rstrip(b"\r\n")
    if not line:
        raise Unkept("there is no passphrase", "it is the first line of standard input")
    return line.decode("utf-8", "surrogateescape")
