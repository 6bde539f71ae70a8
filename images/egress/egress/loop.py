"""One thread that waits for everything: pipes, sockets, children, time.

A loop of sixty lines costs a tenth of asyncio's memory, and every destination has one.
"""

from __future__ import annotations

import contextlib
import heapq
import os
import selectors
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType


def now() -> float:
    """Return the boot clock (s): it runs on during suspend and never jumps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(order=True, slots=True)
class Timer:
    """Something to do at a time; `cancel` makes it nothing."""

    at: float
    number: int
    callback: Callable[[], None] | None = field(compare=False)

    def cancel(self) -> None:
        self.callback = None


class Loop:
    """Calls back when a file can be read, a child has ended, or a time has come."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._timers: list[Timer] = []
        self._count = 0
        self._children: dict[int, Callable[[int], None]] = {}
        self._ending = False
        read, write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        self.watch(read, lambda: self._drain(read))

    def watch(self, file: int, callback: Callable[[], None]) -> None:
        self._selector.register(file, selectors.EVENT_READ, callback)

    def unwatch(self, file: int) -> None:
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(file)

    def later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call `callback` once, `seconds` from now."""
        self._count += 1
        timer = Timer(now() + seconds, self._count, callback)
        heapq.heappush(self._timers, timer)
        return timer

    def on_exit(self, pid: int, callback: Callable[[int], None]) -> None:
        """Call `callback` with the exit code when child `pid` has ended."""
        self._children[pid] = callback

    def run(self) -> None:
        """Work until SIGTERM or SIGINT."""
        while not self._ending:
            self.step()

    def step(self) -> None:
        """Wait for the next thing to happen, and do it."""
        wait = max(0.0, self._timers[0].at - now()) if self._timers else None
        for key, _ in self._selector.select(wait):
            # An earlier callback of this round may have closed this file.
            if self._selector.get_map().get(key.fd) is key:
                key.data()
        self._reap()
        while self._timers and self._timers[0].at <= now():
            callback = heapq.heappop(self._timers).callback
            if callback is not None:
                callback()

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if number != signal.SIGCHLD:
            self._ending = True

    @staticmethod
    def _drain(file: int) -> None:
        with contextlib.suppress(BlockingIOError):
            while os.read(file, 512):
                pass

    def _reap(self) -> None:
        """Collect every ended child; as process 1 also those that were never ours."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            callback = self._children.pop(pid, None)
            if callback is not None:
                callback(os.waitstatus_to_exitcode(status))
