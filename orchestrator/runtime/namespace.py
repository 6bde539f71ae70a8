"""Work inside another container's network namespace.

A thread that has entered a namespace stays there, and so do the sockets it makes. Each
namespace therefore gets one thread of its own; the orchestrator's other threads never move.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ParamSpec, TypeVar

from pyroute2 import netns

P = ParamSpec("P")
T = TypeVar("T")


class NamespaceGone(Exception):
    """The process whose namespace was wanted has ended, or may not be looked at."""


def namespace_inode(pid: int) -> int:
    """Return what identifies the network namespace of a process. Raises NamespaceGone."""
    try:
        return os.stat(f"/proc/{pid}/ns/net").st_ino
    except OSError as error:
        raise NamespaceGone(f"process {pid} has no network namespace: {error.strerror}") from error


def started_at(pid: int) -> float | None:
    """Return when a process began (s of CLOCK_BOOTTIME); None when it has ended. See proc(5)."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The name, in brackets, may hold anything; what follows it are single words.
    return int(text.rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")


class NamespaceThread:
    """One thread inside the network namespace of a process."""

    def __init__(self, pid: int) -> None:
        """Enter the namespace of `pid` (as /proc shows it). Raises NamespaceGone."""
        self.inode = namespace_inode(pid)
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=f"netns-{pid}")
        try:
            self.run(_enter, pid, self.inode)
        except BaseException:
            self.close()
            raise

    def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call `function` inside the namespace and return, or raise, what it does.

        Raises NamespaceGone when another thread has closed this one.
        """
        try:
            future = self._pool.submit(function, *args, **kwargs)
        except RuntimeError as error:
            raise NamespaceGone("the handle on the namespace was closed") from error
        return future.result()

    def close(self) -> None:
        """End the thread; its sockets close with their owners."""
        self._pool.shutdown(wait=True)


def _enter(pid: int, inode: int) -> None:
    try:
        descriptor = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise NamespaceGone(f"process {pid} has ended") from error
    try:
        # The process may have ended since, and its number may belong to another one now.
        if os.fstat(descriptor).st_ino != inode:
            raise NamespaceGone(f"process {pid} has ended")
        netns.setns(descriptor)
    except OSError as error:
        raise NamespaceGone(f"the namespace of {pid} can't be entered: {error}") from error
    finally:
        os.close(descriptor)
