"""A destination that a person pauses: its devices are cut and refused, and wait for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.containers import home
from tests.containers.device import Programs
from tests.containers.router import ORCHESTRATOR, Router


@pytest.fixture
def paused(router: Router) -> Iterator[Router]:
    """Tv goes by uk; whatever the test does, uk is resumed afterwards."""
    router.assign("tv", "uk")
    assert home.seen_as("tv") == home.PUBLIC_ADDRESS["uk"]
    yield router
    home.wait_for("uk is resumed", lambda: router.command("resume", "uk").returncode == 0)


def _refused(device: str) -> None:
    command = ("curl", "-sS", "-o", "/dev/null", "-w", "%{time_total}", f"{home.WEB}/ip")
    done = home.attempt(device, *command)
    assert done.returncode == 7, done
    assert float(done.stdout) < 1


def test_a_pause_cuts_and_refuses_and_resuming_takes_a_moment(
    paused: Router, programs: Programs
) -> None:
    neighbour = programs.start("laptop", "download", "200000")
    download = programs.start("tv", "download", "200000")
    for program in (neighbour, download):
        program.wait_for(" in ")
    receipt = paused.ask("pause", "uk")
    assert receipt["changed"]
    assert receipt["connections_cut"] >= 1
    assert "reset" in download.wait_for("cut:", 2)
    _refused("tv")
    assert paused.ask("resume", "uk")["devices"] == receipt["devices"]
    assert home.seen_as("tv") == home.PUBLIC_ADDRESS["uk"], "its tunnel stayed up"
    seen = len(neighbour.lines)
    neighbour.wait_for(" in ", 5, since=seen)
    assert not [line for line in neighbour.lines if "cut" in line]


def test_a_pause_is_said_where_a_person_looks(paused: Router) -> None:
    assert "uk is paused: " in paused.command("pause", "uk").stdout
    again = paused.command("pause", "uk")
    assert (again.returncode, again.stdout) == (0, "uk is paused already\n")
    status = paused.command("status")
    assert status.returncode == 0, "a person wanted it so"
    assert "rejected until: orchestrator resume uk" in status.stdout
    assert paused.destination("uk")["state"] == "paused"
    tv = paused.devices()["tv"]
    said = ("uk", "rejected", "its destination is paused")
    assert (tv["destination"], tv["state"], tv["message"]) == said
    page = home.run("tv", "curl", "-sS", "--max-time", "5", "http://192.168.77.1/")
    assert "uk is paused" in page
    assert "Nothing of this device gets out until somebody resumes it" in page
    wrong = paused.command("pause", "ukk")
    assert wrong.returncode == 1
    assert "did you mean 'uk'?" in wrong.stderr


def test_a_device_may_be_moved_there_and_away(paused: Router) -> None:
    paused.ask("pause", "uk")
    moved = paused.command("assign", "laptop", "uk")
    assert "laptop is refused until orchestrator resume uk" in moved.stdout
    _refused("laptop")
    paused.assign("laptop", "direct")
    assert home.seen_as("laptop") == home.PUBLIC_ADDRESS["direct"]


def test_a_pause_survives_new_starts(paused: Router) -> None:
    paused.ask("pause", "uk")
    home.docker("kill", "--signal", "KILL", ORCHESTRATOR)  # SIGTERM takes the router down
    home.docker("restart", "manyways-router", "manyways-egress-uk")
    home.docker("start", ORCHESTRATOR)
    home.wait_for("the others are back", lambda: home.seen_as("laptop"), 60)
    paused.wait_until_healthy()
    assert paused.destination("uk")["state"] == "paused"
    _refused("tv")


def _answer(*question: str) -> tuple[str, list[str]]:
    """Return the status of an answer to tv and its records; one try, a second at most."""
    said = home.attempt(
        "tv", "dig", "+tries=1", "+time=1", "+noall", "+comments", "+answer", *question
    ).stdout
    records = [x.split()[-1] for x in said.splitlines() if x and not x.startswith(";")]
    return said.partition("status: ")[2].partition(",")[0], records


def test_a_device_that_is_cut_off_finds_the_page_by_its_name_and_no_other_name(
    paused: Router,
) -> None:
    """How else its way out may end is tried in tests/netns/test_home_names.py."""
    paused.ask("pause", "uk")
    page = home.run("tv", "curl", "-sS", "--max-time", "5", "http://manyways.lan/")
    assert "Manyways" in page
    for server in ((), ("@198.51.100.88",), ("@198.51.100.88", "+tcp")):
        assert _answer(*server, "manyways.lan") == ("NOERROR", ["192.168.77.1"])
        assert _answer(*server, "AAAA", "manyways.lan") == ("NOERROR", [])
        assert _answer(*server, "nobody.lan") == ("NXDOMAIN", [])
        assert _answer(*server, "use-application-dns.net") == ("NXDOMAIN", [])
        assert _answer(*server, "where.test") == ("REFUSED", [])
    assert _answer("-x", "192.168.77.1") == ("NOERROR", ["manyways.lan."])
    paused.ask("resume", "uk")
    assert _answer("where.test")[0] == "NOERROR", "its own resolver, at once"
