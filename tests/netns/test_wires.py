"""The simulated home's wires: made once, made whole, and never taken from a stranger."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

WIRE = Path(__file__).resolve().parents[2] / "compose" / "home" / "wire"
NAMES = ["mwh-inet0", "mwh-inet1", "mwh-lan0", "mwh-lan1", "mwh-wan0", "mwh-wan1"]


def in_namespace(script: str) -> subprocess.CompletedProcess[str]:
    """Run shell lines in a network namespace of their own, which ends with them."""
    return subprocess.run(
        ("unshare", "--net", "sh", "-euc", script, "sh", str(WIRE)),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_up_twice_makes_each_wire_once() -> None:
    done = in_namespace("$1 up >&2; $1 up >&2; ip -j link")
    assert done.returncode == 0, done.stderr
    links = {link["ifname"]: link for link in json.loads(done.stdout) if link["ifname"] != "lo"}
    assert sorted(links) == NAMES
    assert {link["operstate"] for link in links.values()} == {"UP"}
    assert "up: nothing to do" in done.stderr


def test_wires_answer_and_forward_nothing() -> None:
    keys = ("arp_ignore", "rp_filter", "forwarding")
    files = " ".join(f"/proc/sys/net/ipv4/conf/mwh-*/{key}" for key in keys)
    done = in_namespace(f"$1 up >&2; grep -H . {files}; ip -j address")
    *settings, addresses = done.stdout.splitlines()
    assert len(settings) == len(NAMES) * len(keys)
    expected = {"arp_ignore": "8", "rp_filter": "1", "forwarding": "0"}
    for line in settings:
        path, value = line.split(":")
        assert value == expected[path.rsplit("/", 1)[1]], line
    assert [x["addr_info"] for x in json.loads(addresses) if x["ifname"] in NAMES] == [[]] * 6


def test_down_twice_leaves_nothing_of_ours_and_all_else() -> None:
    done = in_namespace(
        "ip link add other0 type veth peer name other1; $1 up >&2; $1 down >&2; $1 down >&2;"
        "ip -j link"
    )
    names = {link["ifname"] for link in json.loads(done.stdout)}
    assert names == {"lo", "other0", "other1"}, done.stderr


def test_a_missing_pair_is_made_again() -> None:
    done = in_namespace("$1 up >&2; ip link delete mwh-wan1; $1 up; ip -j link")
    said, links = done.stdout.splitlines()
    assert said == "up: mwh-wan0 mwh-wan1"
    assert sorted(x["ifname"] for x in json.loads(links) if x["ifname"] != "lo") == NAMES


def test_a_stranger_with_such_a_name_is_left_alone() -> None:
    done = in_namespace(
        "ip link add mwh-lan0 type veth peer name elsewhere; $1 up || echo refused; $1 down;"
        "ip -j link"
    )
    refused, down, links = done.stdout.splitlines()
    assert (refused, down) == ("refused", "down: nothing to do")
    assert {link["ifname"] for link in json.loads(links)} == {"lo", "mwh-lan0", "elsewhere"}
    assert done.stderr == (
        "wire: mwh-lan0: there is an interface with this name that does not belong to the "
        "simulated home; rename or remove it\n"
    )
