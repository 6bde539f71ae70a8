"""What Docker's engine tells of itself."""

from __future__ import annotations

from typing import Any

from docker import APIClient
from docker.errors import DockerException
from requests.exceptions import RequestException

from orchestrator.doctor.machine import Docker, NotSeen
from orchestrator.runtime.engine import EngineFailed, knock

_SOCKET = "unix:///var/run/docker.sock"
_SECONDS = 20
_OURS = {"label": "com.docker.compose.project=manyways"}
_OWNED = {"label": "io.manyways.owner=manyways"}
_COMPOSE = "com.docker.compose.version"


def ask() -> tuple[Docker, str, float]:
    """Return the engine, where it keeps its files, and when the newest image of ours was made.

    Raises NotSeen.
    """
    try:
        knock()
        api: Any = APIClient(base_url=_SOCKET, timeout=_SECONDS)
        try:
            info, made = api.info(), api.containers(all=True, filters=_OURS)
            images = api.images(filters=_OWNED)
        finally:
            api.close()
    except EngineFailed as error:
        raise NotSeen(str(error)) from error
    except (DockerException, RequestException, OSError) as error:
        raise NotSeen(f"Docker's engine does not answer ({error})") from error
    newest: Any = max(made, key=lambda item: float(item["Created"]), default={})
    docker = Docker(
        version=str(info["ServerVersion"]),
        memory_limit=bool(info.get("MemoryLimit")),
        rootless="name=rootless" in (info.get("SecurityOptions") or ()),
        compose=newest.get("Labels", {}).get(_COMPOSE),
    )
    floor = max((float(image["Created"]) for image in images), default=0.0)
    return docker, str(info.get("DockerRootDir") or "/var/lib/docker"), floor
