"""A real browser that sits at a device of the simulated home.

Chromium runs on this machine, but in the device's network namespace and with the home's resolver,
so it sees of the world what a browser on that device would see, and the page sees the device.
"""

from __future__ import annotations

import contextlib
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.containers import home

PAGE = "http://manyways.lan/"
_SWITCHES = (
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking"),
    "--disable-features=HttpsUpgrades",
)
# The mount of the resolver's address is seen by the browser alone; both programs keep the pipe by
# which it is driven.
_LAUNCHER = """\
#!/bin/sh
exec unshare --mount --propagation private sh -c '
    mount --bind {resolv} /etc/resolv.conf
    exec nsenter --net --target {pid} {chromium} "$@"' chromium "$@"
"""


class Browsers:
    """Browsers on several devices; one driver for all of them."""

    def __init__(self, driver: contextlib.ExitStack, folder: Path) -> None:
        self._stack = driver
        self._folder = folder
        self._playwright = driver.enter_context(sync_playwright())
        self._running: dict[str, Browser] = {}

    def open(self, device: str, url: str = PAGE, **options: object) -> Page:
        """Open `url` in a fresh profile on home-DEVICE; `options` are those of new_context()."""
        context = self.browser(device).new_context(**options)  # type: ignore[arg-type]
        self._stack.callback(context.close)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.goto(url)
        return page

    def browser(self, machine: str) -> Browser:
        """Return the browser on home-MACHINE, started at the first time."""
        if machine not in self._running:
            self._running[machine] = self._launch(machine)
        return self._running[machine]

    def _launch(self, device: str) -> Browser:
        pid = home.docker("inspect", "-f", "{{.State.Pid}}", f"home-{device}").strip()
        resolv = self._folder / f"{device}.resolv"
        resolv.write_text("nameserver 192.168.77.1\nsearch lan\n")
        launcher = self._folder / f"{device}.browser"
        chromium = shutil.which("chromium")
        assert chromium, "there is no chromium; `compose/setup --tests` installs it"
        launcher.write_text(_LAUNCHER.format(resolv=resolv, pid=pid, chromium=chromium))
        launcher.chmod(launcher.stat().st_mode | stat.S_IXUSR)
        browser = self._playwright.chromium.launch(executable_path=str(launcher), args=_SWITCHES)
        self._stack.callback(browser.close)
        return browser


@contextlib.contextmanager
def browsers() -> Iterator[Browsers]:
    """Yield what opens pages on devices; all of it ends afterwards."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        yield Browsers(stack, Path(folder))
