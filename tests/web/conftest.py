"""The page as it is served, by gunicorn with its own settings, in Debian's own Chromium.

The browser reaches it as http://manyways.lan, because browsers treat 127.0.0.1 as a safe place
and a name on plain HTTP as none: only so do forms carry the headers that they carry at home.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from tests.web.reports import healthy
from tests.web.standin import Standin, serve

ROOT = Path(__file__).parents[2]
ROUTER = "127.0.0.99"  # through which all come who ask by name
STARTS_WITHIN_S = 30.0


class Site(NamedTuple):
    """The served page: its address, and where its daemon's socket is or would be."""

    url: str
    socket: Path


@contextmanager
def gunicorn(path: Path) -> Iterator[str]:
    """Serve the page on a free port; its daemon's socket is at `path`. Yields its address."""
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        port = chosen.getsockname()[1]
    environment = {
        **os.environ,
        "MANYWAYS_HOSTS": f"manyways.lan:{port},{ROUTER}",
        "MANYWAYS_SOCKET": str(path),
    }
    settings = ["--config", "python:webui.serving", "--bind", f"127.0.0.1:{port}"]
    command = [sys.executable, "-m", "gunicorn", *settings]
    with subprocess.Popen(command, cwd=ROOT, env=environment) as process:
        try:
            _wait_for(port, process)
            yield f"http://manyways.lan:{port}/"
        finally:
            process.terminate()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    path = tmp_path_factory.mktemp("control") / "control.sock"
    with gunicorn(path) as url:
        yield Site(url, path)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < deadline:
        assert process.poll() is None, "gunicorn ended"
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except ConnectionRefusedError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError(f"gunicorn does not listen after {STARTS_WITHIN_S:.0f} s")


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's browser, for which there is nothing in the world but the page."""
    switches = [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-features=HttpsUpgrades",
        # Nothing but the page can be reached, and it by the name that it has at home.
        "--host-resolver-rules=MAP manyways.lan 127.0.0.1, MAP * ~NOTFOUND",
    ]
    with sync_playwright() as driver:
        program = driver.chromium.launch(executable_path=shutil.which("chromium"), args=switches)
        yield program
        program.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as program:
        yield program


@pytest.fixture
def standin(site: Site) -> Iterator[Standin]:
    with serve(Standin(site.socket, healthy())) as running:
        yield running


class Opener:
    """Opens the page in a fresh profile, and remembers every complaint of the browser."""

    def __init__(self, browser: Browser, url: str) -> None:
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self.url = url
        self.complaints: list[str] = []
        self.expected = {"503"}  # HTTP statuses that a test means to cause; the browser logs them

    def __call__(
        self, path: str = "", *, script: bool = True, width: int = 1100, height: int = 800,
        dark: bool = False, zone: str = "Europe/London", wait: bool = True,
    ) -> Page:  # fmt: skip
        context = self._browser.new_context(
            java_script_enabled=script,
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            timezone_id=zone,
        )
        self._contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        if wait:  # else the test goes there itself
            page.goto(self.url + path)
        return page

    def _heard(self, message: ConsoleMessage) -> None:
        meant = any(f"status of {status}" in message.text for status in self.expected)
        if message.type in ("error", "warning") and not meant:
            self.complaints.append(message.text)

    def close(self) -> None:
        for context in self._contexts:
            context.close()


@pytest.fixture
def visit(browser: Browser, site: Site) -> Iterator[Opener]:
    """How a test opens the page; afterwards the browser must have had nothing to complain of."""
    opener = Opener(browser, site.url)
    yield opener
    opener.close()
    assert opener.complaints == []
