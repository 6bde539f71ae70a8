"""Text goes out compressed: a phone at the far end of the garden has a slow link.

The page is small and made anew each time; its files are compressed once and kept in memory.
"""

from __future__ import annotations

import functools
import gzip
from importlib.resources import files
from posixpath import normpath

from flask import Flask, Response, request

TEXTS = ("text/html", "text/css", "text/javascript", "application/json", "image/svg+xml")
WORTH_IT = 512  # bytes; below that the headers weigh more


def compress(app: Flask) -> None:
    """Compress `app`'s answers for browsers that understand it; streams stay as they are."""

    @app.after_request
    def shrink(response: Response) -> Response:
        if response.mimetype not in TEXTS or response.status_code not in {200, 201}:
            return response
        response.vary.add("Accept-Encoding")
        if request.accept_encodings["gzip"] <= 0 or "Content-Encoding" in response.headers:
            return response
        if request.endpoint == "static":
            # A file has many spellings ("x/../page.js"), and each would be kept.
            small = _file(normpath((request.view_args or {})["filename"]))
        elif response.is_streamed or (response.content_length or 0) < WORTH_IT:
            return response
        else:
            small = gzip.compress(response.get_data(), 5, mtime=0)
        response.close()  # the file that was opened for it
        response.direct_passthrough = False
        response.set_data(small)
        response.headers["Content-Encoding"] = "gzip"
        response.headers.pop("Content-Range", None)
        return response


@functools.cache
def _file(name: str) -> bytes:
    return gzip.compress(files(__package__).joinpath("static", name).read_bytes(), 9, mtime=0)
