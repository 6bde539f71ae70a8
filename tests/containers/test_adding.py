"""A third VPN is added to the living router, tried, used and removed; no other device notices."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.containers import home
from tests.containers.device import Program, Programs
from tests.containers.router import ORCHESTRATOR, Router

DEMO = home.REPOSITORY / ".demo"
EGRESS = "manyways-egress-nl"
RATE = "500000"  # bytes per second
STUTTER_S = 1.0


def add(name: str, password: str | None = None) -> Any:
    """Add the uk provider's profile under another name, as `orchestrator add-vpn -` does."""
    user, right = (DEMO / "pki/uk/credentials").read_text().split()
    profile = (DEMO / "config/profiles/uk.ovpn").read_text()
    command = ("docker", "exec", "-i", ORCHESTRATOR, "orchestrator", "add-vpn", "-", "--json")
    done = subprocess.run(
        (*command, "--name", name, "--user", user), input=f"{password or right}\n{profile}",
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def until_offered(router: Router, name: str = "nl") -> None:
    home.wait_for(f"{name} is offered", lambda: router.destination(name)["offered"], 40)


@pytest.fixture
def adding(router: Router) -> Iterator[Router]:
    """The router; afterwards nothing that was added is left."""
    yield router
    router.assign("tv", "direct")
    for destination in router.status()["destinations"]:
        if destination["added"]:
            assert router.command("remove-vpn", destination["name"]).returncode == 0
    assert EGRESS not in home.docker("ps", "--all", "--format", "{{.Names}}").split()


def assert_steady(download: Program, since: int) -> None:
    """No fifth of a second of the download took long, and it was never cut."""
    lines = download.lines[since:]
    assert len(lines) > 10, lines
    assert not [line for line in lines if "cut" in line]
    slowest = max(float(found[1]) for line in lines if (found := re.search(r" in ([\d.]+)", line)))
    assert slowest < STUTTER_S, f"{download.name} stood still for {slowest} s"


def test_a_vpn_is_added_and_removed_and_nobody_else_notices(
    adding: Router, programs: Programs
) -> None:
    others = adding.containers()
    downloads = [programs.start(device, "download", RATE) for device in ("laptop", "phone")]
    for download in downloads:
        download.wait_for(" in ")
    begun = [len(download.lines) for download in downloads]
    assert add("nl") == {"name": "nl", "accepted": True, "problems": [], "notes": []}
    until_offered(adding)
    assert adding.assign("tv", "nl")["new"] == "nl"
    adding.ask("pause", "uk")  # the same provider: now only the new tunnel leads there
    assert home.seen_as("tv") == home.PUBLIC_ADDRESS["uk"]
    name = home.unique()
    home.run("tv", "dig", "+short", "+time=3", name, "TXT")
    assert set(home.asked(name)) == {"uk"}
    adding.ask("resume", "uk")
    found = home.wait_for("its public address", lambda: _with_address(adding, "nl"))
    assert found["public_address"] == home.PUBLIC_ADDRESS["uk"]
    assert 0 <= found["latency_ms"] < 1000
    assert (found["country"], found["added"]) == ("NL", True)
    refused = adding.command("remove-vpn", "nl")
    assert refused.returncode == 1
    assert "goes by nl" in refused.stderr
    adding.assign("tv", "direct")
    assert adding.command("remove-vpn", "nl").returncode == 0
    for download, since in zip(downloads, begun, strict=True):
        assert_steady(download, since)
    assert adding.containers() == others
    assert "transit-nl" not in home.docker("network", "ls", "--format", "{{.Name}}")
    named = ("-name", "nl.*", "-o", "-name", "*-nl*")
    left = home.docker("exec", ORCHESTRATOR, "find", "/var/lib/manyways", *named)
    assert left == ""


def _with_address(router: Router, name: str) -> Any:
    found = router.destination(name)
    return found if found["public_address"] else None


def test_a_wrong_password_is_said_and_never_offered_and_can_be_corrected(adding: Router) -> None:
    assert add("nl", "not-the-password")["accepted"] is True
    message = home.wait_for(
        "the refusal is explained",
        lambda: re.search("password", adding.destination("nl")["message"]),
        40,
    )
    assert message
    found = adding.destination("nl")
    assert (found["offered"], found["state"]) == (False, "down")
    assert adding.status()["state"] == "healthy"
    refused = adding.command("assign", "tv", "nl")
    assert refused.returncode == 1
    assert "nl is being tried" in refused.stderr
    assert home.seen_as("tv") == home.PUBLIC_ADDRESS["direct"]
    assert add("nl")["accepted"] is True
    until_offered(adding)
    adding.assign("tv", "nl")
    assert home.seen_as("tv") == home.PUBLIC_ADDRESS["uk"]


def test_a_bad_profile_is_told_by_line_and_leaves_nothing(adding: Router) -> None:
    before = adding.containers()
    done = subprocess.run(
        ("docker", "exec", "-i", ORCHESTRATOR, "orchestrator", "add-vpn", "-", "--name", "nl"),
        input="client\nremote 198.51.100.10\nup /bin/sh\n", capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "line 3: up: runs a program" in done.stdout
    assert adding.containers() == before
    assert "nl" not in [d["name"] for d in adding.status()["destinations"]]


def test_what_was_added_outlives_the_orchestrator_and_down_and_up(adding: Router) -> None:
    add("nl")
    until_offered(adding)
    adding.assign("tv", "nl")
    home.docker("kill", ORCHESTRATOR)
    assert home.seen_as("tv") == home.PUBLIC_ADDRESS["uk"]
    home.docker("start", ORCHESTRATOR)
    home.wait_for("the orchestrator answers", lambda: adding.command("status").returncode == 0, 60)
    assert adding.destination("nl")["offered"] is True
    assert adding.command("down").returncode == 0
    assert adding.command("up").returncode == 0
    home.wait_for(
        "tv goes by nl again", lambda: home.seen_as("tv") == home.PUBLIC_ADDRESS["uk"], 60
    )
    adding.wait_until_healthy()


def test_secrets_are_in_no_log_no_answer_and_no_inspection(adding: Router) -> None:
    password = "swordfish-and-chips"
    add("nl", password)
    home.wait_for("it failed", lambda: "password" in adding.destination("nl")["message"], 40)
    profile = (DEMO / "config/profiles/uk.ovpn").read_text()
    key = re.findall(r"<key>\n(?:-+BEGIN.*\n)?(.{20,})\n", profile)[-1]
    names = home.docker("ps", "--all", "--format", "{{.Names}}").split()
    texts = {}
    for name in (n for n in names if n.startswith("manyways-")):
        logs = home.host("docker", "logs", name)
        texts[f"log of {name}"] = logs.stdout + logs.stderr
        texts[f"inspection of {name}"] = home.docker("inspect", name)
    texts["status"] = json.dumps(adding.status())
    texts["plan"] = adding.command("plan").stdout
    for where, text in texts.items():
        assert password not in text, where
        assert key not in text, where
