"""hostapd's control socket: questions and events, one datagram each."""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
from collections.abc import Iterator
from pathlib import Path

DIRECTORY, OWN_DIRECTORY = Path("/run/hostapd"), Path("/run")
_PATIENCE = 3.0  # s
_numbers = itertools.count()


class ControlFailed(Exception):
    """hostapd does not answer."""


class Control:
    """A connection to the hostapd of one interface; close it after use."""

    def __init__(self, interface: str) -> None:
        """Connect. Raises ControlFailed."""
        self._own = OWN_DIRECTORY / f"control-{next(_numbers)}"
        self._own.unlink(missing_ok=True)  # /run outlives a restart of this container
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.settimeout(_PATIENCE)
        try:
            self._socket.bind(str(self._own))
            self._socket.connect(str(DIRECTORY / interface))
        except OSError as error:
            self.close()
            raise ControlFailed(f"hostapd on {interface}: {error.strerror}") from error

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()
        self._own.unlink(missing_ok=True)

    def fileno(self) -> int:
        """Return what select(2) waits for."""
        return self._socket.fileno()

    def ask(self, command: str) -> str:
        """Return the answer to a command. Raises ControlFailed."""
        try:
            self._socket.send(command.encode())
            return self._socket.recv(8192).decode(errors="replace")
        except OSError as error:
            raise ControlFailed(f"hostapd does not answer {command.split()[0]}") from error

    def events(self) -> Iterator[str]:
        """Yield the events that are here, without waiting. Raises ControlFailed."""
        while True:
            try:
                # Past Python's socket, which would wait for its time-out.
                yield os.read(self.fileno(), 8192).decode(errors="replace")
            except BlockingIOError:
                return
            except OSError as error:
                raise ControlFailed("hostapd has ended") from error


def ask(interface: str, *commands: str) -> list[str]:
    """Return hostapd's answers for one interface. Raises ControlFailed."""
    with contextlib.closing(Control(interface)) as control:
        return [control.ask(command) for command in commands]


def stations(interface: str) -> Iterator[str]:
    """Yield what hostapd says of each station of one interface. Raises ControlFailed."""
    with contextlib.closing(Control(interface)) as control:
        answer = control.ask("STA-FIRST")
        while ":" in answer.partition("\n")[0]:
            yield answer
            answer = control.ask(f"STA-NEXT {answer.partition(chr(10))[0]}")
