"""Recognises a network in front that wants a login page, as in a hotel or a student's home.

Such a network answers in everybody's name until somebody has logged in. So an address is asked
that nobody in the internet has (192.0.2.1, RFC 5737): whoever answers HTTP there stands in
between. Nobody else learns of it, and it is asked only while nothing outside answers.

As a program of its own, `python3 -m egress.portal`, it asks once and prints what it found.
"""

from __future__ import annotations

import http.client
import re
import signal
import sys
from collections.abc import Callable
from urllib.parse import urlsplit

from egress.ask import ASKER_UID
from egress.child import Child
from egress.loop import Loop

NOBODY = "192.0.2.1"  # also in the rules
EVERY = 30.0  # s between two questions
_SECONDS = 4.0  # for each step
_ALL_SECONDS = 10
_FOUND = "login page: "
_HOST = re.compile(r"[A-Za-z0-9.-]{1,120}(:[0-9]{1,5})?")


def page(status: int, location: str) -> str:
    """Return the address of the page that an answer leads to; "" when it is no login page.

    Of what it says only the server's name is used: it may come from anybody.
    """
    try:
        parts = urlsplit(location)
    except ValueError:
        parts = urlsplit("")
    known = parts.scheme in ("http", "https") and _HOST.fullmatch(parts.netloc)
    if 300 <= status < 400 and known:
        return f"{parts.scheme}://{parts.netloc}/"
    return f"http://{NOBODY}/" if 200 <= status < 400 or status == 511 else ""


def message(found: str) -> str:
    """Return what a person should do about the login page at `found`."""
    return (
        f"the network in front of this router wants a login page: open {found} on a device that "
        "goes directly"
    )


def ask(host: str = NOBODY, port: int = 80) -> str:
    """Ask once, and return the login page's address; "" when nobody answers, as it should be."""
    web = http.client.HTTPConnection(host, port, timeout=_SECONDS)
    try:
        web.request("GET", "/", headers={"User-Agent": "manyways", "Connection": "close"})
        response = web.getresponse()
        return page(response.status, response.getheader("Location") or "")
    except (OSError, http.client.HTTPException):
        return ""
    finally:
        web.close()


class Portal:
    """Keeps `page` up to date; "" while no login page is known of."""

    def __init__(self, loop: Loop, on_change: Callable[[], None]) -> None:
        self._loop, self._on_change = loop, on_change
        self._child: Child | None = None
        self._lines: list[str] = []
        self._due = 0.0
        self.page = ""

    def use(self, now: float, *, failing: bool) -> None:
        """Ask when it is time to, while nothing outside answers; forget it otherwise."""
        if not failing:
            self.page, self._due = "", 0.0
            return
        if self._child is not None or now < self._due:
            return
        self._due = now + EVERY
        self._lines = []
        command = [sys.executable, "-m", "egress.portal"]
        self._child = Child(self._loop, command, self._lines.append, self._ended, ASKER_UID)

    def _ended(self, _code: int) -> None:
        self._child = None
        found = [line for line in self._lines if line.startswith(_FOUND)]
        # A question that ended after the internet came back says nothing of it any more.
        self.page = found[0].removeprefix(_FOUND) if found and self._due else ""
        self._on_change()


if __name__ == "__main__":
    signal.alarm(_ALL_SECONDS)
    if there := ask():
        print(f"{_FOUND}{there}")
