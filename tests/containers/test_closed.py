"""The page is for the home network alone, and under its own names."""

from __future__ import annotations

import urllib.request

import pytest

from tests.containers import home
from tests.containers.router import Router


def test_the_page_is_on_the_lan_under_its_own_names(router: Router) -> None:
    for host in ("192.168.77.1", "manyways.lan"):
        page = home.run("tv", "curl", "-sS", "--max-time", "5", f"http://{host}/")
        assert "laptop" in page


def test_a_foreign_host_header_is_refused(router: Router) -> None:
    done = home.run(
        *("tv", "curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}"),
        *("-H", "Host: evil.example", "http://192.168.77.1/"),
    )
    assert done == "421"


@pytest.mark.parametrize("target", ["192.168.77.1", "192.168.77.253"])
def test_an_egress_cannot_reach_the_page(router: Router, target: str) -> None:
    script = (
        "import socket, sys\n"
        "s = socket.socket(); s.settimeout(2)\n"
        "sys.exit(0 if s.connect_ex((sys.argv[1], 80)) else 3)"
    )
    for destination in ("direct", "uk"):
        egress = f"manyways-egress-{destination}"
        done = home.host("docker", "exec", egress, "python3", "-c", script, target)
        assert done.returncode == 0, f"{egress} reached {target}: {done}"


def test_the_forwarder_of_the_home_shows_the_page(router: Router) -> None:
    with urllib.request.urlopen("http://127.0.0.1:8080/", timeout=10) as answer:
        assert b"laptop" in answer.read()
