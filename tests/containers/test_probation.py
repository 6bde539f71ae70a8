"""A change that could cut the home off, on the living router: kept by a visit, else taken back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.containers import home
from tests.containers.router import ORCHESTRATOR, Router

PORT = "  interfaces: [mwh-lan0]\n"
ELSEWHERE = "192.168.55.1"


@pytest.fixture
def configuration(router: Router) -> Iterator[Path]:
    path = Path(home.REPOSITORY, ".demo", "config", "router.yaml")
    good = path.read_text()
    assert PORT in good
    try:
        yield path
    finally:
        path.write_text(good)
        assert router.command("up", "--keep").returncode == 0
        router.wait_until_healthy()


def _page(router: Router) -> str:
    return str(router.status()["lan"]["page"])


def test_a_device_that_opens_the_page_keeps_the_change(router: Router, configuration: Path) -> None:
    page = _page(router)
    net = page.removeprefix("http://").rpartition(".")[0]
    narrow = f"{PORT}  dhcp_range: {net}.100-{net}.180\n"
    configuration.write_text(configuration.read_text().replace(PORT, narrow))
    assert router.ask("up")["probation"]["state"] == "waiting"
    assert router.status()["probation"]["state"] == "waiting", "the command line is no visit"
    home.run("tv", "curl", "-sS", "--max-time", "5", page)
    assert router.status()["probation"] is None
    assert router.command("confirm").stdout == "No change waits to be kept.\n"


def test_a_home_that_is_locked_out_is_let_in_again(router: Router, configuration: Path) -> None:
    page = _page(router)
    moved = f"{PORT}  address: {ELSEWHERE}/24\n"
    configuration.write_text(configuration.read_text().replace(PORT, moved))
    done = home.host("docker", "exec", ORCHESTRATOR, "orchestrator", "up", timeout=240)
    assert f"http://{ELSEWHERE}/" in done.stdout
    assert done.returncode == 1, done.stdout + done.stderr
    assert "taken back" in done.stderr
    found = ("curl", "-sS", "--max-time", "3", page)
    home.wait_for("the page is back", lambda: home.attempt("tv", *found).returncode == 0, 90)
    assert ELSEWHERE in router.status()["problems"][0]
    assert home.seen_as("laptop") == home.PUBLIC_ADDRESS["direct"]
