"""What every view must keep, however it looks: nobody is shut out, nothing runs off the screen."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

WIDTHS = (320, 390, 1280)
_STILL = """() => Promise.all(document.getAnimations()
    .filter((one) => one.effect.getComputedTiming().endTime !== Infinity)
    .map((one) => one.finished))"""
_RULES = {"resultTypes": ["violations"]}


def assert_accessible(page: Page) -> None:
    """axe-core finds nothing."""
    # What fades in is paler for a moment.
    page.evaluate(_STILL)
    results = Axe().run(page, options=_RULES)
    found = [
        f"{v['id']}: {v['help']}: {[n['html'][:120] for n in v['nodes'][:3]]}"
        for v in results.response["violations"]
    ]
    assert found == [], found


def assert_nothing_runs_off(page: Page) -> None:
    """There is nothing to scroll to at the side."""
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        reach = page.evaluate("document.documentElement.scrollWidth")
        assert reach <= width, f"{page.url} is {reach} px wide on {width} px"
