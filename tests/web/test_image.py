"""The page's image under the restrictions it runs with at home."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest

from tests.web.reports import healthy
from tests.web.standin import Standin, serve

IMAGE = f"manyways/webui:{os.environ.get('MANYWAYS_TAG', '0.1.0')}"
CONTROL_GROUP = 4711
ANSWERS_WITHIN_S = 60.0


def _docker(*words: str) -> str:
    ran = subprocess.run(
        ["docker", *words], capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


@pytest.fixture(scope="module")
def container(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    directory = tmp_path_factory.mktemp("run")
    with serve(Standin(directory / "control.sock", healthy())):
        os.chown(directory / "control.sock", 0, CONTROL_GROUP)
        Path(directory / "control.sock").chmod(0o660)
        directory.chmod(0o755)  # the page's user must pass; above the mount nothing matters
        made = _docker(
            "run", "--detach", "--read-only", "--cap-drop=ALL",
            "--security-opt=no-new-privileges", "--env=MANYWAYS_HOSTS=manyways.lan",
            f"--volume={directory}:/run/manyways", IMAGE,
        )  # fmt: skip
        try:
            yield made
        finally:
            _docker("rm", "--force", made)


def _get(container: str, host: str) -> int:
    """The status of a GET, as soon as the page answers."""
    networks = json.loads(_docker("inspect", "--format={{json .NetworkSettings}}", container))
    deadline = time.monotonic() + ANSWERS_WITHIN_S
    while True:
        connection = HTTPConnection(networks["IPAddress"], 80, timeout=10)
        try:
            connection.request("GET", "/", headers={"Host": host})
            return connection.getresponse().status
        except (OSError, HTTPException):
            assert time.monotonic() < deadline, _docker("logs", container)
            time.sleep(0.1)
        finally:
            connection.close()


def test_it_serves_without_root_and_without_writing(container: str) -> None:
    assert _get(container, "manyways.lan") == 200
    assert _get(container, "evil.example") == 421
    identity = _docker("exec", container, "id")
    assert identity.startswith("uid=65532(")
    assert "4711(" in identity
    assert _docker("logs", container) == ""


def test_it_holds_of_the_orchestrator_only_the_client(container: str) -> None:
    listed = _docker("exec", container, "ls", "/opt/manyways/app/orchestrator").split()
    assert listed == ["__init__.py", "__pycache__", "client"]
