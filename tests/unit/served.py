"""The daemon's real API on a real unix socket, as the page and the command line meet it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from waitress.server import create_server

from orchestrator.api import make_app
from orchestrator.service import Service


@contextmanager
def served(service: Service, path: Path) -> Iterator[Path]:
    """Answer for `service` at `path`; without the socket's group, which only root can give."""
    server: Any = create_server(make_app(service), unix_socket=str(path), threads=2)
    thread = threading.Thread(target=server.run, name="served")
    thread.start()
    try:
        yield path
    finally:
        # It closes in its own thread, and may have done so before the trigger was pulled.
        with suppress(OSError):
            server.trigger.pull_trigger(server.close)
        thread.join(10)
        server.task_dispatcher.shutdown()
        assert not thread.is_alive()
