"""What `add-vpn` sends: a profile from a file or standard input, and a password nobody sees."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path

_LARGEST = 1 << 20  # the daemon takes less, and says so; this keeps the memory


class Unsendable(Exception):
    """There is nothing to send. The text is for a person."""


def read(file: str, wants_password: bool) -> tuple[str, str]:
    """Return a profile's text and a password, empty unless one is wanted.

    With "-" both come by standard input, the password in its first line. Raises Unsendable.
    """
    if file == "-":
        text = sys.stdin.buffer.read(_LARGEST).decode("utf-8-sig", "replace")
        password, _, profile = text.partition("\n") if wants_password else ("", "", text)
        return profile, password.rstrip("\r")
    try:
        with Path(file).open("rb") as stream:
            profile = stream.read(_LARGEST).decode("utf-8-sig", "replace")
    except OSError as error:
        raise Unsendable(f"{file} cannot be read: {error.strerror}") from None
    return profile, _password() if wants_password else ""


def _password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    try:
        return getpass.getpass("Password: ")
    except EOFError:
        raise Unsendable("there is no password") from None
