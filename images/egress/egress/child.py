"""A program that the supervisor starts, whose output it reads line by line."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Sequence

from egress.loop import Loop, now

_LONGEST_LINE = 8192


class NotAllowed(Exception):
    """The container was started with too few capabilities. The text says which is missing."""


class Child:
    """Runs `command` once. `on_line` gets each line of its output, `on_end` its exit code."""

    def __init__(
        self,
        loop: Loop,
        command: Sequence[str],
        on_line: Callable[[str], None],
        on_end: Callable[[int], None],
        user: int | None = None,
    ) -> None:
        self._loop, self._on_line, self._on_end = loop, on_line, on_end
        self._rest = b""
        self.started = now()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            user=user,
            group=user,
            extra_groups=None if user is None else (),
        )
        assert process.stdout is not None
        self.pid = process.pid
        self._process = process
        self._output = process.stdout.fileno()
        os.set_blocking(self._output, False)
        loop.watch(self._output, self._read)
        loop.on_exit(self.pid, self._ended)
        self.running = True

    def signal(self, number: int) -> None:
        """Send a signal, unless the program has ended."""
        if not self.running:
            return
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            pass  # it has just ended
        except PermissionError:
            raise NotAllowed("the container needs CAP_KILL to steer its own programs") from None

    def stop(self, patience: float = 2.0) -> None:
        """Ask it to end, and end it when it does not within `patience` seconds."""
        self.signal(signal.SIGTERM)
        self._loop.later(patience, lambda: self.signal(signal.SIGKILL))

    def _read(self) -> None:
        try:
            data = os.read(self._output, 65536)
        except BlockingIOError:
            return
        if not data:
            self._loop.unwatch(self._output)
            return
        *lines, rest = (self._rest + data).split(b"\n")
        self._rest = rest[-_LONGEST_LINE:]
        for line in lines:
            self._on_line(line.decode(errors="replace").rstrip())

    def _ended(self, code: int) -> None:
        self._read()  # its last words may explain why
        self.running = False
        self._process.returncode = code  # the loop has reaped it; Popen must not try
        self._loop.unwatch(self._output)
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._on_end(code)


class Service:
    """A program that shall always run: started again when it ends, ever more slowly."""

    def __init__(
        self,
        loop: Loop,
        command: Sequence[str],
        on_line: Callable[[str], None],
        on_change: Callable[[bool], None],
    ) -> None:
        self._loop, self._command = loop, command
        self._on_line, self._on_change = on_line, on_change
        self._delay = 1.0
        self.child: Child | None = None
        self._start()

    def signal(self, number: int) -> None:
        if self.child is not None:
            self.child.signal(number)

    def _start(self) -> None:
        self.child = Child(self._loop, self._command, self._on_line, self._ended)
        self._on_change(True)

    def _ended(self, code: int) -> None:
        assert self.child is not None
        lasted = now() - self.child.started
        self.child = None
        self._delay = 1.0 if lasted > 60 else min(30.0, self._delay * 2)
        self._on_line(f"ended with code {code}; started again in {self._delay:.0f} s")
        self._loop.later(self._delay, self._start)
        self._on_change(False)
