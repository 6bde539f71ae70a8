"""The VPNs that were added on the page, as they are kept.

The configuration directory belongs to a person and is mounted read-only, so these live in the
state volume: one document for each, which only root may read, with the profile as it was sent and
its credentials. One document, because either all of a VPN survives a power cut or none of it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from orchestrator.config import values
from orchestrator.config.uploads import AddedVpn, Upload, judge
from orchestrator.config.values import Bad
from orchestrator.documents import Document, make_directory, sync_directory

_SUFFIX = ".json"


@dataclass(frozen=True, slots=True)
class Kept:
    """One added VPN. `at`: when (ISO 8601, UTC). `offered`: it has worked once.

    `overruled`: a file of the configuration took its name, and its devices have been told.
    """

    name: str
    at: str
    profile: str = field(repr=False)
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    offered: bool = False
    overruled: bool = False


class Shelf:
    """All added VPNs, in memory and on disk. Every change raises OSError when it can't be kept."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._kept: dict[str, Kept] = {}
        self._usable: dict[str, AddedVpn] = {}
        self._problems: dict[str, list[str]] = {}
        self._read()

    @property
    def problems(self) -> tuple[str, ...]:
        """What of it can't be read or used."""
        return tuple(text for texts in self._problems.values() for text in texts)

    @property
    def usable(self) -> tuple[AddedVpn, ...]:
        """What can go into a configuration, in the order in which it was added."""
        order = sorted(self._usable, key=lambda name: (self._kept[name].at, name))
        return tuple(self._usable[name] for name in order)

    def get(self, name: str) -> Kept | None:
        return self._kept.get(name)

    def __contains__(self, name: str) -> bool:
        """Whether there is anything of that name to remove, also when it can't be read."""
        return name in self._kept or name in self._problems

    def keep(self, name: str, upload: Upload, at: str) -> None:
        """Keep a VPN that was judged and found good, in the place of one of that name."""
        kept = Kept(name, at, upload.profile, upload.username, upload.password)
        self._write(kept)
        self._document(name).forget_previous()  # another password is no fallback for this one
        self._problems.pop(name, None)

    def offer(self, name: str) -> None:
        """Note that a VPN has worked."""
        self._write(replace(self._kept[name], offered=True))

    def overrule(self, names: Iterable[str]) -> None:
        """Note which VPNs' names the configuration's files have taken."""
        for kept in list(self._kept.values()):
            if kept.overruled != (kept.name in names):
                self._write(replace(kept, overruled=kept.name in names))

    def remove(self, name: str) -> None:
        """Forget a VPN and its secrets."""
        self._forget_files(name)
        for memory in (self._kept, self._usable, self._problems):
            memory.pop(name, None)

    def _write(self, kept: Kept) -> None:
        make_directory(self._directory, 0o700)
        self._document(kept.name).write(kept)
        self._take(kept)

    def _take(self, kept: Kept) -> tuple[str, ...]:
        """Hold a VPN in memory; return what makes it unusable."""
        upload = Upload(kept.name, kept.profile, kept.username, kept.password)
        judged = judge(upload)
        self._kept[kept.name] = kept
        self._usable.pop(kept.name, None)
        if judged.profile is not None:
            self._usable[kept.name] = AddedVpn(kept.name, judged.profile, kept.offered)
        return judged.problems

    def _read(self) -> None:
        for name in self._names():
            reading = self._document(name).read()
            problems = [
                f"what was kept of the added VPN '{name}' could not be read; it was set aside as "
                f"{self._directory.name}/{file}"
                for file in reading.damaged
            ]
            if reading.value is None or reading.value.name != name:
                problems.append(f"the added VPN '{name}' is lost; add it again, or remove it")
            else:
                problems += [
                    f"the VPN '{name}', which was added on the page, can't be used any more: {what}"
                    for what in self._take(reading.value)
                ]
            if problems:
                self._problems[name] = problems

    def _names(self) -> list[str]:
        """Every name of which there is a version; a version's file may be all that is left."""
        found = set()
        with contextlib.suppress(OSError):  # nothing was ever added
            for path in self._directory.iterdir():
                name = path.name.split(".", 1)[0]
                with contextlib.suppress(Bad):
                    found.add(values.destination_name(name))
        return sorted(found)

    def _document(self, name: str) -> Document[Kept]:
        return Document(self._directory / f"{name}{_SUFFIX}", Kept)

    def _forget_files(self, name: str) -> None:
        for pattern in (f"{name}{_SUFFIX}*", f".{name}{_SUFFIX}*"):  # the second: unfinished ones
            for path in self._directory.glob(pattern):
                path.unlink(missing_ok=True)
        if self._directory.is_dir():
            sync_directory(self._directory)  # or a power cut would bring its secrets back
