"""How much a request may bring: a form holds a few words, and only one address takes a file.

The bound stands with the request itself, because whatever looks at a form first, such as the check
of its origin, reads all of it.
"""

from __future__ import annotations

from flask import Request

LARGEST_PROFILE = 256 * 1024  # bytes; with all its certificates a profile has some ten thousand
LARGEST_UPLOAD = LARGEST_PROFILE + 8192  # with the form's other fields and its boundaries
LARGEST_JSON = 512 * 1024  # the same, as the API takes it
_BOUNDS = {"destinations.add": LARGEST_UPLOAD, "api.hand_on": LARGEST_JSON}


class BoundedRequest(Request):
    """A request whose bound depends on what it is for."""

    @property
    def max_content_length(self) -> int | None:
        return _BOUNDS.get(self.endpoint or "", super().max_content_length)

    @max_content_length.setter
    def max_content_length(self, _: int | None) -> None:
        raise AttributeError("the bound follows from the address")
