"""What a backup holds: the configuration's files, and what the router remembers.

Not rendered files and not the last good configuration: both are made from the rest.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
import re
import stat
import tarfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from orchestrator import __version__
from orchestrator.backup.sealed import LARGEST, Unopened
from orchestrator.config.load import FILE
from orchestrator.config.profiles import FOLDER
from orchestrator.first_start import CHOSEN, chosen_file

CONFIG, STATE = "config", "state"
_MANIFEST = "manifest.json"
_LARGEST_FILE = 8 << 20
_STATE_FILES = (
    *("state.json", "access.json", "activity.jsonl", "activity.1.jsonl"),
    "run/dhcp/dnsmasq.leases",
)
_ADDED = re.compile(r"added/[a-z0-9-]{1,15}\.json")
_CREDENTIALS = re.compile(r"""credentials["']?\s*:\s*["']?([\w][\w .@+/-]{0,200})""")
_PART = re.compile(r"(?!\.{1,2}$)[^/\0]{1,200}")


class Unreadable(Exception):
    """Something that belongs into a backup can't be read; the message is for a person."""


@dataclass(frozen=True, slots=True)
class Contents:
    """Files by their path below the configuration's folder, and below the state volume."""

    config: Mapping[str, bytes]
    state: Mapping[str, bytes]
    made_at: str = ""
    version: str = ""


def collect(config: Path, state: Path) -> Contents:
    """Read what a backup of this router holds. Raises Unreadable.

    Each of the state's files is replaced atomically by who writes it, so each is whole. What the
    router has chosen for want of a router.yaml is one from then on.
    """
    written = _read_all(config, _config_names(config))
    if chosen := chosen_file(config, state / CHOSEN):
        written |= _read_all(chosen.parent, [FILE])
    return Contents(
        config=written,
        state=_read_all(state, state_names(state)),
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        version=__version__,
    )


def pack(contents: Contents) -> bytes:
    """Return the contents as one compressed archive, not yet encrypted."""
    buffer = io.BytesIO()
    manifest = {"made_at": contents.made_at, "version": contents.version}
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        _add(archive, _MANIFEST, json.dumps(manifest).encode())
        for folder, files in ((CONFIG, contents.config), (STATE, contents.state)):
            for name, content in sorted(files.items()):
                _add(archive, f"{folder}/{name}", content)
    return gzip.compress(buffer.getvalue(), mtime=0)


def unpack(packed: bytes) -> Contents:
    """Return what `pack` has packed. Raises Unopened for anything else."""
    try:
        files = dict(_members(packed))
        manifest: dict[str, Any] = json.loads(files.pop(_MANIFEST))
        made_at, version = str(manifest["made_at"])[:40], str(manifest["version"])[:40]
    except (OSError, EOFError, tarfile.TarError, ValueError, KeyError, TypeError) as error:
        raise _strange("what is in it can't be read") from error
    parts: dict[str, dict[str, bytes]] = {CONFIG: {}, STATE: {}}
    named = credentials_named(files.get(f"{CONFIG}/{FILE}", b""))
    for path, content in files.items():
        folder, _, name = path.partition("/")
        if folder not in parts or not _is_ours(folder, name, named):
            raise _strange(f"it holds '{path:.80}', which no backup has")
        parts[folder][name] = content
    return Contents(parts[CONFIG], parts[STATE], made_at, version)


def digest(config: Mapping[str, bytes]) -> str:
    """Return what tells one configuration from another."""
    found = hashlib.sha256()
    for name, content in sorted(config.items()):
        head = f"{name}\0{len(content)}\0".encode("utf-8", "surrogateescape")
        found.update(head + content)
    return found.hexdigest()


def config_files(config: Path) -> Mapping[str, bytes]:
    """Return router.yaml and what stands in profiles/. Raises Unreadable."""
    return _read_all(config, _config_names(config))


def state_names(state: Path) -> list[str]:
    """Return the files of the state volume that belong into a backup."""
    added = (f"added/{path.name}" for path in sorted((state / "added").glob("*.json")))
    names = (*_STATE_FILES, *(name for name in added if _ADDED.fullmatch(name)))
    return [name for name in names if (state / name).is_file()]


def credentials_named(router_yaml: bytes) -> list[str]:
    """Return the credentials that router.yaml keeps outside of profiles/."""
    text = router_yaml[: 1 << 20].decode(errors="surrogateescape")
    names = (found.strip() for found in _CREDENTIALS.findall(text))
    paths = (PurePosixPath(name) for name in names if name)
    return sorted(
        {
            str(path)
            for path in paths
            if not path.is_absolute() and ".." not in path.parts
            and path.parts[:1] not in ((), (FOLDER,), (FILE,))
        }
    )  # fmt: skip


def _config_names(config: Path) -> list[str]:
    names: list[str] = []
    if (config / FILE).exists():
        with contextlib.suppress(OSError):  # said when it is read for the backup
            named = credentials_named((config / FILE).read_bytes())
            names = [name for name in named if (config / name).is_file()]
        names.append(FILE)
    for path in sorted((config / FOLDER).rglob("*")):
        if path.is_file():
            names.append(str(path.relative_to(config)))
    return names


def _read_all(root: Path, names: list[str]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for name in names:
        try:
            mode = (root / name).stat()
            if not stat.S_ISREG(mode.st_mode) or mode.st_size > _LARGEST_FILE:
                raise Unreadable(f"{name} is no file, or larger than 8 MiB")
            found[name] = (root / name).read_bytes()
        except FileNotFoundError:
            continue  # removed since it was listed
        except OSError as error:
            raise Unreadable(f"{name} can't be read: {error.strerror}") from error
    return found


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), 0o600
    archive.addfile(member, io.BytesIO(content))


def _members(packed: bytes) -> Iterator[tuple[str, bytes]]:
    with gzip.GzipFile(fileobj=io.BytesIO(packed)) as stream:
        plain = stream.read(LARGEST + 1)
    if len(plain) > LARGEST:
        raise ValueError("too large")
    with contextlib.closing(tarfile.open(fileobj=io.BytesIO(plain), mode="r:")) as archive:
        for member in archive:
            stream_of = archive.extractfile(member) if member.isreg() else None
            if stream_of is None:
                raise ValueError("not a file")
            yield member.name, stream_of.read()


def _is_ours(folder: str, name: str, named: Collection[str]) -> bool:
    if folder == STATE:
        return name in _STATE_FILES or bool(_ADDED.fullmatch(name))
    parts = name.split("/")
    safe = len(parts) <= 8 and all(_PART.fullmatch(part) for part in parts)
    return safe and (name == FILE or name in named or (parts[0] == FOLDER and len(parts) > 1))


def _strange(what: str) -> Unopened:
    return Unopened(f"this backup was not made by Manyways: {what}", "nothing was changed")
