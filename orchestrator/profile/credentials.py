"""User name and password, as two lines of a file or of a block."""

from __future__ import annotations

from orchestrator.profile.problems import Unreadable


def parse_credentials(raw: bytes) -> tuple[str, str]:
    """User and password from the first two lines. Raises `Unreadable`, without the content."""
    hint = "write the user name into its first line and the password into its second"
    try:
        lines = raw.decode("utf-8-sig").replace("\r\n", "\n").split("\n")
    except UnicodeDecodeError:
        raise Unreadable("the user name and password are not plain text (UTF-8)", hint) from None
    user, password = (*lines, "", "")[:2]
    if not user.strip() or not password.strip():
        raise Unreadable("user name or password is missing", hint)
    if any(len(word.encode()) > 127 or not word.isprintable() for word in (user, password)):
        raise Unreadable("user name or password is too long or holds odd characters", hint)
    return user, password
