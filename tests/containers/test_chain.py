"""The three devices, each by its own way: leases, addresses, names, DNS."""

from __future__ import annotations

import ipaddress

import pytest

from tests.containers import home
from tests.containers.router import Router

HARD_CODED = "198.51.100.88"  # the simulated internet's public resolver
# Where the queries of each destination may be seen, and nowhere else. The house's router
# forwards to the provider of the house, so a direct query is seen by both.
PLACES = {"direct": {"house", "isp"}, "uk": {"uk"}, "de": {"de"}}


def test_every_device_has_a_lease_and_its_destinations_address(router: Router) -> None:
    lan = ipaddress.ip_network("192.168.77.0/24")
    devices = router.devices()
    for name, destination in Router.ASSIGNMENTS.items():
        assert ipaddress.ip_address(devices[name]["address"]) in lan
        assert devices[name]["address"] == home.address(name)
        assert devices[name]["destination"] == destination
        assert home.seen_as(name) == home.PUBLIC_ADDRESS[destination]


def test_all_three_destinations_at_once(router: Router) -> None:
    for device, destination in (("tv", "uk"), ("laptop", "direct"), ("phone", "de")):
        router.assign(device, destination)
    assert [home.seen_as(d) for d in ("tv", "laptop", "phone")] == [
        home.PUBLIC_ADDRESS[d] for d in ("uk", "direct", "de")
    ]


@pytest.mark.parametrize("destination", ["direct", "uk", "de"])
@pytest.mark.parametrize(
    "how",
    [
        pytest.param((), id="by-dhcp"),
        pytest.param((f"@{HARD_CODED}",), id="hard-coded"),
        pytest.param((f"@{HARD_CODED}", "+tcp"), id="hard-coded-tcp"),
    ],
)
def test_queries_appear_at_the_destinations_resolver_alone(
    router: Router, destination: str, how: tuple[str, ...]
) -> None:
    router.assign("tv", destination)
    name = home.unique()
    answer = home.run("tv", "dig", "+short", "+tries=1", "+time=5", *how, "A", name)
    assert (
        answer
        == {"direct": "198.51.100.80", "uk": "198.51.100.81", "de": "198.51.100.82"}[destination]
    )
    assert set(home.asked(name)) == PLACES[destination]


def test_devices_and_the_page_have_names_in_every_destination(router: Router) -> None:
    addresses = {name: d["address"] for name, d in router.devices().items()}
    for destination in ("direct", "uk", "de"):
        router.assign("tv", destination)
        for name in ("tv", "laptop", "phone"):
            assert home.run("tv", "dig", "+short", f"{name}.lan") == addresses[name]
        assert home.run("tv", "dig", "+short", "manyways.lan") == "192.168.77.1"
    router.assign("tv", "direct")
    assert set(home.asked("laptop.lan")) == set()


def test_a_new_name_resolves_and_the_old_one_is_gone(router: Router) -> None:
    def answer(name: str) -> str:
        return home.run("laptop", "dig", "+short", f"{name}.lan")

    try:
        assert router.command("rename", "tv", "kitchen").returncode == 0
        address = router.devices()["kitchen"]["address"]
        home.wait_for("the new name resolves", lambda: answer("kitchen") == address, 10)
        home.wait_for("the old name is gone", lambda: answer("tv") == "", 10)
    finally:
        router.command("rename", "kitchen", "tv")
    home.wait_for("the first name is back", lambda: answer("tv") != "", 10)


def test_a_new_device_gets_the_default_destination(router: Router) -> None:
    mac = "02:4d:57:00:00:99"
    environment = ("--env", "CLIENT=udhcpc", "--env", f"MAC_LAN={mac}")
    options = ("--mac-address", mac, "--hostname", "guest", *environment)
    with home.guest("home-lan", *options, command=("/opt/home/device",)) as guest:
        lease = home.wait_for("the guest has a lease", lambda: home.address(guest), 30)
        assert lease.startswith("192.168.77.")
        seen = home.wait_for("the guest gets out", lambda: home.seen_as(guest), 10)
        assert seen == home.PUBLIC_ADDRESS["direct"]
        device = next(d for d in router.devices().values() if d["mac"] == mac)
        assert (device["destination"], device["address"]) == ("direct", lease)
