"""The page's views, in the order in which the navigation shows them."""

from __future__ import annotations

from typing import NamedTuple

from flask import current_app, request, url_for

_TABS = ("devices", "destinations", "live", "activity", "settings")


class Tab(NamedTuple):
    """One view: its name is its blueprint's, its icon's and its text's."""

    name: str
    url: str
    current: bool


def tabs() -> list[Tab]:
    """The views that there are; each is the `index` of the blueprint of its name."""
    return [
        Tab(name, url_for(f"{name}.index"), request.blueprint == name)
        for name in _TABS
        if f"{name}.index" in current_app.view_functions
    ]


def address(endpoint: str) -> str:
    """The address of `endpoint`, or nothing when the page has no such view."""
    return url_for(endpoint) if endpoint in current_app.view_functions else ""
