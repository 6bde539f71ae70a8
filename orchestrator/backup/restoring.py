"""How a backup comes back, so that a power cut at any moment leaves the old or the new.

The state volume gets all that is new first, as `restore/`, with the digest of the configuration
that belongs to it. Then the configuration's files are renamed into place, router.yaml last. The
orchestrator takes `restore/` in at its start, when the configuration is the one that belongs to
it. When it is not, because the power went in between, the router goes on with its last good
configuration and its old choices, and says so.

What was there before lies in `before-restore/`, on both sides.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from orchestrator.backup.contents import (
    Contents,
    Unreadable,
    config_files,
    credentials_named,
    digest,
    state_names,
)
from orchestrator.config.load import FILE
from orchestrator.config.profiles import FOLDER
from orchestrator.documents import sync_directory, write_atomically

PENDING, BEFORE = "restore", "before-restore"
BESIDE = f"{FILE}.restored"
_PLAN, _ASIDE = "plan.json", "aside"
# With what was kept before them: an old version must not come back beside a new one.
_OLD = (
    *("state.json*", "access.json*", "activity*.jsonl", "added", "last-good.json*"),
    "run/dhcp/dnsmasq.leases",
)


def stage(contents: Contents, config: Path, state: Path, *, beside: bool) -> None:
    """Lay everything new ready; nothing of the old is touched. Raises OSError, Unreadable.

    With `beside` the folder's router.yaml stays, and the backup's is going to lie beside it.
    """
    interrupted = bool(unfinished(config, state))
    there = config_files(config)
    ready = state / PENDING
    if (ready / _ASIDE).exists():
        take_in(state)  # one before was interrupted in there: now it is whole
    (ready / _PLAN).unlink(missing_ok=True)  # the sign goes first, as it comes last
    os.sync()
    shutil.rmtree(ready, ignore_errors=True)
    _fill(ready, contents.state)
    if not interrupted:  # else it holds already what a person wants back
        _replace_folder(config / BEFORE, there, config)
    _replace_folder(config / f".{PENDING}", contents.config, config)
    # Its place on the disk says that all of it is there, so it comes last.
    wanted = digest(_after(contents.config, there, beside=beside))
    os.sync()
    write_atomically(ready / _PLAN, json.dumps({"config": wanted}).encode())
    sync_directory(state)


def _after(
    new: Mapping[str, bytes], there: Mapping[str, bytes], *, beside: bool
) -> Mapping[str, bytes]:
    """Return the configuration as it shall be in the end."""
    if not beside:
        return new
    kept = {FILE: there[FILE]} if FILE in there else {}
    for name in credentials_named(there.get(FILE, b"")):
        if name in new or name in there:
            kept[name] = new.get(name, there.get(name, b""))
    return kept | {name: text for name, text in new.items() if name.startswith(f"{FOLDER}/")}


def place(config: Path, *, beside: bool) -> None:
    """Rename the staged configuration into place, router.yaml last. Raises OSError."""
    staged, old = config / f".{PENDING}", config / f".{FOLDER}.old"
    _discard(old)
    if (config / FOLDER).exists() or (config / FOLDER).is_symlink():
        os.replace(config / FOLDER, old)
    if (staged / FOLDER).exists():
        os.replace(staged / FOLDER, config / FOLDER)
    for path in sorted(staged.rglob("*")):
        name = path.relative_to(staged)
        if path.is_file() and str(name) != FILE:
            _move(path, config / name)
    os.sync()
    if (staged / FILE).exists():
        os.replace(staged / FILE, config / (BESIDE if beside else FILE))
    elif not beside:
        (config / FILE).unlink(missing_ok=True)
    _discard(old)
    shutil.rmtree(staged, ignore_errors=True)
    sync_directory(config)


def pending(state: Path) -> bool:
    """Say whether something is laid ready in the state volume."""
    return (state / PENDING / _PLAN).is_file()


def unfinished(config: Path, state: Path) -> str:
    """Say what keeps what is laid ready from being taken in; "" when nothing does."""
    if not pending(state) or _is_placed(config, state):
        return ""
    return (
        "a restore was interrupted, so the router goes on as before it;"
        " say `orchestrator restore FILE` again, or `orchestrator restore --back`"
    )


def can_be_taken_in(config: Path, state: Path) -> bool:
    """Say whether what is laid ready belongs to the configuration that is there."""
    return pending(state) and _is_placed(config, state)


def take_in(state: Path) -> None:
    """Put what is laid ready in the place of what is remembered. Raises OSError.

    Interrupted at any moment, it goes on where it was when it is called again. Nobody else may
    have read the state before.
    """
    ready, before = state / PENDING, state / BEFORE
    if not (ready / _ASIDE).exists():  # until then everything in its place is old
        if not (before / _ASIDE).exists():
            shutil.rmtree(before, ignore_errors=True)
            before.mkdir(mode=0o700)
            write_atomically(before / _ASIDE, b"")
        for pattern in _OLD:
            for path in sorted(state.glob(pattern)):
                _move(path, before / path.relative_to(state))
        os.sync()
        write_atomically(ready / _ASIDE, b"")
    for name in state_names(ready):
        _move(ready / name, state / name)
    os.sync()
    (before / _ASIDE).unlink(missing_ok=True)
    # The sign goes first: without it nobody asks what the rest is.
    (ready / _PLAN).unlink(missing_ok=True)
    sync_directory(ready)
    shutil.rmtree(ready, ignore_errors=True)


def previous(config: Path, state: Path) -> Contents | None:
    """Return what was there before the last restore, also one that was interrupted.

    Raises Unreadable.
    """
    aside = config / BEFORE
    if not aside.is_dir():
        return None
    # Interrupted, nothing of the state has been moved yet.
    from_ = state if pending(state) else state / BEFORE
    files = {name: (from_ / name) for name in state_names(from_)}
    try:
        return Contents(config_files(aside), {n: path.read_bytes() for n, path in files.items()})
    except OSError as error:
        raise Unreadable(f"{BEFORE} can't be read: {error.strerror}") from error


def _is_placed(config: Path, state: Path) -> bool:
    try:
        plan = json.loads((state / PENDING / _PLAN).read_bytes())
        return bool(plan["config"] == digest(config_files(config)))
    except (OSError, ValueError, KeyError, TypeError, Unreadable):
        return False


def _fill(folder: Path, files: Mapping[str, bytes]) -> None:
    folder.mkdir(mode=0o700)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomically(path, content)


def _discard(path: Path) -> None:
    if path.is_symlink():
        path.unlink()
    else:
        shutil.rmtree(path, ignore_errors=True)


def _replace_folder(folder: Path, files: Mapping[str, bytes], owner: Path) -> None:
    """Make a folder anew that belongs to whoever owns `owner`, or leave the one before."""
    new = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    _fill(new, files)
    whose = owner.stat()
    for path in (new, *new.rglob("*")):
        with contextlib.suppress(PermissionError):
            os.chown(path, whose.st_uid, whose.st_gid)
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(new, folder)


def _move(path: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    os.replace(path, to)
