"""Where a file of the host is found from here: below a root directory, through its links.

A link that begins with "/" means the host's root, not that of the container from which it is
read; so links are followed here, step by step. Only the standard library is needed, so that the
command line can ask without waiting for more.
"""

from __future__ import annotations

import errno
from pathlib import Path, PurePosixPath

_MOST_LINKS = 40  # as many as the kernel follows: path_resolution(7)


def inside(root: Path, name: str) -> Path:
    """Return the path, from here, of what a process with that root calls `name`.

    No link is left in it, and it never leads out of `root`. Whether it exists is another question.
    Raises OSError when links lead in a circle.
    """
    found, links = root, 0
    left = list(reversed(PurePosixPath(name).parts))
    while left:
        part = left.pop()
        if part == "/":
            found = root
        elif part == "..":
            found = found if found == root else found.parent
        elif (target := link(found / part)) is None:
            found = found / part
        else:
            links += 1
            if links > _MOST_LINKS:
                raise OSError(errno.ELOOP, "links without end", name)
            left.extend(reversed(PurePosixPath(target).parts))
    return found


def link(path: Path) -> str | None:
    """Return where a link leads, as it is written; None when it is none."""
    try:
        return str(path.readlink())
    except OSError:
        return None
