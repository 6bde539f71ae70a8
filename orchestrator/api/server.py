"""The socket on which the API is served."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask

SOCKET_MODE = 0o660
SOCKET_GROUP = 4711


def make_server(app: Flask, path: Path) -> tuple[Callable[[], None], Callable[[], None]]:
    """Open the socket at `path` and return (serve for ever, close). Raises OSError."""
    from waitress.server import create_server

    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        path.unlink()  # left by a daemon that was killed
    server: Any = create_server(
        app, unix_socket=str(path), unix_socket_perms=format(SOCKET_MODE, "o"), threads=4
    )
    os.chown(path, -1, SOCKET_GROUP)
    return server.run, server.close
