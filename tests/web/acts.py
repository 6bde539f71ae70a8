"""What a person does on the page, for the tests of its views."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect


def row(page: Page, title: str) -> Locator:
    """A device's own place on the page."""
    return page.locator("li.device", has=page.get_by_role("heading", name=title, exact=True))


def way_out(page: Page, title: str) -> Locator:
    """The closed control that says where a device goes."""
    return row(page, title).locator(".pick > summary")


def choice(page: Page, title: str, way: str) -> Locator:
    """A destination in the opened choice of a device."""
    buttons = row(page, title).locator(".choices button")
    return buttons.filter(has=page.locator("bdi", has_text=re.compile(f"^{re.escape(way)}$")))


def switch(page: Page, title: str, way: str, span: str = "") -> None:
    """Two taps, and one more for a time."""
    way_out(page, title).click()
    if span:
        row(page, title).get_by_role("radio", name=span).check()
    choice(page, title, way).click()


def goes(page: Page, title: str, way: str) -> None:
    """Wait until the page says that a device goes there."""
    expect(way_out(page, title)).to_contain_text(way)


def edit(page: Page, title: str) -> Locator:
    """Open a device's details and return the field of its name."""
    row(page, title).locator(".about > summary").click()
    return row(page, title).get_by_label("Name", exact=True)
