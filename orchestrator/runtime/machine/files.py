"""Files of the host, seen from where they are another machine's: below a root directory."""

from __future__ import annotations

import errno
import os
from pathlib import Path, PurePosixPath

from orchestrator.doctor.machine import NotSeen
from orchestrator.runtime.host_path import inside, link

_NOT_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ENODEV)


class Tree:
    """The host's files, for reading. What may not be looked at raises NotSeen."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._closed = ""
        try:
            os.scandir(root).close()
        except OSError as error:
            self._closed = f"the host's files can't be seen from here ({root}: {error.strerror})"

    def path(self, name: str) -> Path:
        """Return where a file of the host is found from here. Raises NotSeen."""
        if self._closed:
            raise NotSeen(self._closed)
        try:
            return inside(self.root, name)
        except OSError as error:
            raise NotSeen(f"{name}: {error.strerror}") from error

    def raw(self, name: str, most: int = -1) -> bytes | None:
        """Return a file's content; None when there is no such file. Raises NotSeen."""
        try:
            with self.path(name).open("rb") as stream:
                return stream.read(most)
        except OSError as error:
            if error.errno in _NOT_THERE:
                return None
            raise NotSeen(f"{name}: {error.strerror}") from error

    def text(self, name: str) -> str | None:
        """Return a file's text without spaces around it; None when there is no such file."""
        raw = self.raw(name)
        return None if raw is None else raw.decode("utf-8", "replace").strip("\0 \n\t")

    def names(self, name: str) -> list[str]:
        """Return what is in a folder; nothing when there is no such folder. Raises NotSeen."""
        try:
            return sorted(os.listdir(self.path(name)))  # noqa: PTH208 - names, not paths
        except OSError as error:
            if error.errno in _NOT_THERE:
                return []
            raise NotSeen(f"{name}: {error.strerror}") from error

    def link(self, name: str) -> str | None:
        """Return where a link leads, as it is written; None when it is none."""
        return link(self.path(str(PurePosixPath(name).parent)) / PurePosixPath(name).name)
