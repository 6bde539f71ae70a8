"""The page as the family uses it: in a browser on a device, against the living router."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Error, expect

from tests.containers.browser import PAGE, Browsers, browsers
from tests.containers.router import Router


@pytest.fixture
def browse(router: Router) -> Iterator[Browsers]:
    with browsers() as running:
        yield running


@pytest.mark.parametrize("url", [PAGE, "http://192.168.77.1/", "http://manyways/"])
def test_every_device_reaches_the_page(browse: Browsers, url: str) -> None:
    for device in ("tv", "laptop", "phone"):
        page = browse.open(device, url)
        expect(page.get_by_role("heading", name="tv")).to_be_visible()


def test_nobody_outside_reaches_it(browse: Browsers, router: Router) -> None:
    """The house's own router is the nearest that the world comes to ours."""
    outside = browse.browser("house").new_page()
    for address in ("192.168.77.1", *(router.uplink_address(d) for d in ("direct", "uk", "de"))):
        with pytest.raises(Error, match=r"ERR_(CONNECTION|ADDRESS)|Timeout"):
            outside.goto(f"http://{address}/", timeout=4000)
