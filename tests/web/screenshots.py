"""Pictures of every view for the README, and to look at: `make screenshots`.

The page is served as at home, against a stand-in for the daemon that knows a whole family.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Browser, Page

from tests.web.acts import switch, way_out
from tests.web.conftest import chromium, gunicorn
from tests.web.family import DAD, EMMA, family, troubled
from tests.web.household import on_trial
from tests.web.standin import Standin, serve

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
LARGEST_BYTES = 150_000


class Device(NamedTuple):
    """A screen: its size in CSS pixels, and how many pixels of the picture one of them is."""

    name: str
    width: int
    height: int
    scale: float


PHONE, DESKTOP = Device("phone", 390, 844, 1.5), Device("desktop", 1160, 760, 1)


def _as_it_is(page: Page, standin: Standin) -> None:
    """The view as it is opened."""


def _everybody_known(page: Page, standin: Standin) -> None:
    devices = standin.report["devices"]
    standin.report["devices"] = [device for device in devices if not device["new"]]
    page.reload()


def _choosing(page: Page, standin: Standin) -> None:
    _everybody_known(page, standin)
    way_out(page, "Grandma's iPad").click()


def _receipt(page: Page, standin: Standin) -> None:
    _everybody_known(page, standin)
    switch(page, "Grandma's iPad", "Germany")
    page.locator(".toast").wait_for()


def _in_trouble(page: Page, standin: Standin) -> None:
    standin.report, standin.me = troubled(), DAD
    _everybody_known(page, standin)


def _adding(page: Page, standin: Standin) -> None:
    standin.report["destinations"].append(on_trial("office"))
    page.reload()
    page.locator("#add-summary").click()


# Name of the picture, address on the page, and what is done before it is taken.
VIEWS: list[tuple[str, str, Callable[[Page, Standin], None]]] = [
    ("home", "", _everybody_known),
    ("new", "", _as_it_is),
    ("choosing", "", _choosing),
    ("receipt", "", _receipt),
    ("several", "?several=1", _as_it_is),
    ("trouble", "", _in_trouble),
    ("ways", "destinations", _as_it_is),
    ("add-vpn", "destinations", _adding),
    ("live", "live", _as_it_is),
    ("activity", "activity", _as_it_is),
    ("settings", "settings", _as_it_is),
]


@contextmanager
def _home() -> Iterator[tuple[str, Standin]]:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "control.sock"
        standin = Standin(path, family())
        with serve(standin), gunicorn(path) as url:
            yield url, standin


def _take(browser: Browser, device: Device, *, dark: bool) -> None:
    for name, path, prepare in VIEWS:
        with _home() as (url, standin):
            standin.me = EMMA
            context = browser.new_context(
                viewport={"width": device.width, "height": device.height},
                device_scale_factor=device.scale,
                color_scheme="dark" if dark else "light",
                reduced_motion="reduce",
                timezone_id="Europe/London",
            )
            page = context.new_page()
            page.goto(url + path)
            prepare(page, standin)
            page.wait_for_load_state("load")
            page.evaluate("document.fonts.ready")
            file = PICTURES / f"{name}-{device.name}-{'dark' if dark else 'light'}.png"
            page.screenshot(path=file)
            context.close()
            size = file.stat().st_size
            assert size <= LARGEST_BYTES, f"{file.name} has {size} bytes"


def main() -> None:
    """Take all pictures anew."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    with chromium() as browser:
        for device in (PHONE, DESKTOP):
            for dark in (False, True):
                _take(browser, device, dark=dark)


if __name__ == "__main__":
    main()
