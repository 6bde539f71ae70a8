"""Programs that run on a home device while the router is worked on.

Each prints a line when something happens and ends by itself when its standard input closes, so
that nothing is left behind on the device.
"""

from __future__ import annotations

import contextlib
import subprocess
import threading
from pathlib import Path

from tests.containers import home

SCRIPTS = Path(__file__).parent / "scripts"


class Program:
    """One running program and the lines that it has printed."""

    def __init__(self, device: str, script: str, *arguments: str) -> None:
        text = (SCRIPTS / f"{script}.py").read_text()
        command = ("docker", "exec", "-i", f"home-{device}", "python3", "-u", "-c", text)
        self.name = f"{script} on {device}"
        self.lines: list[str] = []
        self._process = subprocess.Popen(
            (*command, *arguments),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as output:
            for line in output:
                self.lines.append(line.strip())

    def wait_for(self, text: str, seconds: float = 10, since: int = 0) -> str:
        """Return the first line after number `since` that contains `text`."""

        def found() -> str:
            matching = [line for line in self.lines[since:] if text in line]
            assert matching, f"{self.name} has printed {self.lines[-5:]}"
            return matching[0]

        return home.wait_for(f"{self.name} says {text!r}", found, seconds)

    def end(self) -> None:
        """Close its input, which ends it; a second time does nothing."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait(timeout=10)
        self._reader.join(timeout=10)


class Programs:
    """All programs of a test."""

    def __init__(self) -> None:
        self._running: list[Program] = []

    def start(self, device: str, script: str, *arguments: str) -> Program:
        """Run scripts/SCRIPT.py on a device."""
        program = Program(device, script, *arguments)
        self._running.append(program)
        return program

    def end(self) -> None:
        """End them all."""
        for program in self._running:
            program.end()
