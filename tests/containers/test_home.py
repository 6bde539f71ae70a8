"""The simulated home is what the other tests believe it is."""

from __future__ import annotations

import contextlib
import secrets
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from tests.containers import home

pytestmark = pytest.mark.containers

PROFILES = home.REPOSITORY / ".demo" / "config" / "profiles"


@pytest.fixture(scope="module", autouse=True)
def _home() -> Iterator[None]:
    with home.kept():
        yield


# --- the internet and its places ---------------------------------------------------------------


@pytest.fixture(scope="module")
def wan_guest() -> Iterator[str]:
    """A machine on the segment behind the house's router, with an address by DHCP."""
    options = (
        "--device=/dev/net/tun",
        f"--volume={PROFILES}:/profiles:ro",
        "--cap-add=SETGID",
    )
    with home.guest("home-wan", *options) as name:
        home.run(name, "ip", "-4", "address", "flush", "dev", "eth0")
        home.run(name, "udhcpc", "-n", "-q", "-i", "eth0", "-s", "/opt/home/udhcpc-script")
        yield name


@contextlib.contextmanager
def tunnel(machine: str, place: str) -> Iterator[None]:
    """Run openvpn with the provider's own profile, and ask the DNS server that it pushes."""
    before = home.run(machine, "cat", "/etc/resolv.conf")
    credentials = ("--auth-user-pass", "/profiles/uk.credentials") if place == "uk" else ()
    home.run(
        machine,
        *("openvpn", "--config", f"/profiles/{place}.ovpn", *credentials, "--daemon"),
        *("--log", f"/run/{place}.log", "--writepid", f"/run/{place}.pid"),
    )
    try:
        log = home.wait_for(
            f"the tunnel to {place}",
            lambda: (
                text
                if "Initialization Sequence Completed"
                in (text := home.run(machine, "cat", f"/run/{place}.log"))
                else ""
            ),
        )
        server = {"uk": "10.81.0.1", "de": "10.82.0.1"}[place]
        assert f"dhcp-option DNS {server}" in log
        _resolve_at(machine, server)
        yield
    finally:
        home.run(machine, "sh", "-c", f"kill $(cat /run/{place}.pid)")
        home.wait_for("its end", lambda: home.attempt(machine, "pgrep", "openvpn").returncode)
        _resolve_at(machine, before.removeprefix("nameserver "))


def _resolve_at(machine: str, server: str) -> None:
    home.run(machine, "sh", "-c", f"echo nameserver {server} >/etc/resolv.conf")


@pytest.mark.parametrize(
    ("place", "web", "resolvers"),
    [
        ("isp", "198.51.100.80", {"house", "isp"}),
        ("uk", "198.51.100.81", {"uk"}),
        ("de", "198.51.100.82", {"de"}),
    ],
)
def test_each_place_has_its_own_address_answers_and_log(
    wan_guest: str, place: str, web: str, resolvers: set[str]
) -> None:
    way = contextlib.nullcontext() if place == "isp" else tunnel(wan_guest, place)
    with way:
        seen = home.PUBLIC_ADDRESS["direct" if place == "isp" else place]
        assert home.seen_as(wan_guest) == seen
        assert home.run(wan_guest, "dig", "+short", "TXT", "place.test") == f'"{place}"'
        name = home.unique()
        assert home.run(wan_guest, "dig", "+short", name) == web
        assert home.run(wan_guest, "curl", "--silent", f"http://{name}/where") == web
        assert set(home.asked(name)) == resolvers
        tcp = home.unique()
        assert home.run(wan_guest, "dig", "+short", "+tcp", tcp) == web
        assert set(home.asked(tcp)) == resolvers


def test_the_public_resolver_answers_and_logs_apart(wan_guest: str) -> None:
    name = home.unique()
    assert home.run(wan_guest, "dig", "+short", "@198.51.100.88", name) == "198.51.100.88"
    assert {place: [q.client for q in those] for place, those in home.asked(name).items()} == {
        "public": ["198.51.100.2"]
    }


def test_uk_wants_its_password(wan_guest: str) -> None:
    home.run(wan_guest, "sh", "-c", "printf 'demo\\nwrong\\n' >/run/wrong; chmod 600 /run/wrong")
    refused = home.attempt(
        wan_guest,
        *("timeout", "20", "openvpn", "--config", "/profiles/uk.ovpn"),
        *("--auth-user-pass", "/run/wrong", "--auth-retry", "none"),
    )
    assert "AUTH_FAILED" in refused.stdout
    assert "Initialization Sequence Completed" not in refused.stdout


def test_a_download_has_the_rate_it_was_asked_for(wan_guest: str) -> None:
    url = f"{home.WEB}/big?rate=200000&size=400000"
    form = "%{size_download} %{time_total}"
    size, seconds = home.run(wan_guest, "curl", "-s", "-o", "/dev/null", "-w", form, url).split()
    assert int(size) == 400_000
    assert 1.5 < float(seconds) < 10


@pytest.mark.parametrize("flags", [("-u", "-w1"), ("-N",)], ids=["udp", "tcp"])
def test_echo(wan_guest: str, flags: tuple[str, ...]) -> None:
    command = f"echo hello | nc {' '.join(flags)} 198.51.100.82 7"
    assert home.run(wan_guest, "sh", "-c", command) == "hello"


_DIG_PROVIDER = ("dig", "+short", "@198.51.100.53", "vpn.de.test")


def test_the_provider_can_move_to_its_other_address(wan_guest: str) -> None:
    def publish(address: str) -> None:
        line = f"echo {address} vpn.de.test >/run/names/providers"
        home.run("resolver", "sh", "-c", line)
        home.wait_for(
            f"vpn.de.test = {address}",
            lambda: home.run(wan_guest, *_DIG_PROVIDER) == address,
        )

    publish("198.51.100.21")
    try:
        assert home.attempt(wan_guest, "nc", "-z", "-w3", "198.51.100.21", "443").returncode == 0
    finally:
        publish("198.51.100.20")


# --- the devices -------------------------------------------------------------------------------


@contextlib.contextmanager
def segment() -> Iterator[tuple[str, str]]:
    """Yield two Docker networks on the ends of a wire of this test's own."""
    mark = secrets.token_hex(3)
    ends = (f"mwt-{mark}a", f"mwt-{mark}b")
    names = tuple(f"home-test-{end}" for end in ends)
    home.host("ip", "link", "add", ends[0], "type", "veth", "peer", "name", ends[1])
    try:
        for number, (end, name) in enumerate(zip(ends, names, strict=True)):
            Path(f"/proc/sys/net/ipv6/conf/{end}/disable_ipv6").write_text("1")
            home.host("ip", "link", "set", end, "up")
            home.docker(
                *("network", "create", "--driver", "macvlan", "--label", home.LABEL),
                *("--opt", f"parent={end}", "--subnet", f"10.99.{200 + number}.0/24", name),
            )
        yield names[0], names[1]
    finally:
        home.host("docker", "network", "rm", *names)
        home.host("ip", "link", "delete", ends[0])


@dataclass(frozen=True, slots=True)
class Visitor:
    """A device of the test's own, with one of the three DHCP clients."""

    name: str
    client: str
    mac: str
    caps: tuple[str, ...] = ()

    def options(self) -> tuple[str, ...]:
        return (
            *("--mac-address", self.mac, "--hostname", self.name),
            *("--env", f"CLIENT={self.client}", "--env", f"MAC_LAN={self.mac}"),
            *(f"--cap-add={cap}" for cap in self.caps),
            "--sysctl=net.ipv6.conf.all.disable_ipv6=0",
        )


VISITORS = (
    Visitor("one", "udhcpc", "02:4d:57:00:01:01"),
    Visitor("two", "dhclient", "02:4d:57:00:01:02"),
    Visitor("three", "dhcpcd", "02:4d:57:00:01:03", ("SETUID", "SETGID", "SYS_CHROOT", "KILL")),
)


def test_devices_wait_for_their_server_and_follow_their_leases() -> None:
    with contextlib.ExitStack() as stack:
        router_side, home_side = stack.enter_context(segment())
        devices = {
            visitor: stack.enter_context(
                home.guest(home_side, *visitor.options(), command=("/opt/home/device",))
            )
            for visitor in VISITORS
        }
        server = stack.enter_context(home.guest(router_side, "--cap-add=SETGID"))
        home.run(server, "ip", "-4", "address", "flush", "dev", "eth0")
        home.run(server, "ip", "address", "add", "192.168.77.1/24", "dev", "eth0")
        for device in devices.values():
            home.wait_for("a device", partial(_silent, device))
            assert home.address(device) == ""
        for offset, resolver in ((0, "192.168.77.1"), (10, "192.168.77.2")):
            reserved = {v: f"192.168.77.{150 + n + offset}" for n, v in enumerate(VISITORS)}
            _serve(server, {v.mac: address for v, address in reserved.items()}, resolver)
            # udhcpc does not read T1 and would wait for half of the two minutes.
            home.attempt(devices[VISITORS[0]], "pkill", "-USR1", "udhcpc")
            for visitor, device in devices.items():
                expected = (reserved[visitor], "default via 192.168.77.1", resolver)
                home.wait_for(
                    f"{visitor.client} with {expected}", partial(_has, device, *expected), 120
                )
                lease = f"{visitor.mac} {reserved[visitor]} {visitor.name} "
                assert lease in home.run(server, "cat", "/run/leases")
            home.run(server, "pkill", "dnsmasq")


def _silent(device: str) -> bool:
    """Whether the device is ready; as `test` says nothing, failure is an AssertionError."""
    return home.run(device, "test", "-e", "/run/ready") == ""


def _has(device: str, address: str, route: str, resolver: str) -> bool:
    facts = (
        home.address(device),
        home.run(device, "ip", "route", "show", "default"),
        home.run(device, "cat", "/etc/resolv.conf"),
    )
    assert facts[0] == address, facts
    assert facts[1].startswith(route), facts
    assert f"nameserver {resolver}" in facts[2].splitlines(), facts
    return True


def _serve(server: str, reserved: dict[str, str], resolver: str) -> None:
    """A DHCP server with reservations, which wants its leases renewed after seconds (T1, T2)."""
    home.run(server, "rm", "-f", "/run/leases")
    home.run(
        server,
        *("dnsmasq", "--conf-file=/dev/null", "--user=root", "--port=0", "--interface=eth0"),
        *("--dhcp-range=192.168.77.150,192.168.77.169,2m", "--dhcp-authoritative"),
        *("--dhcp-option-force=option:T1,4", "--dhcp-option-force=option:T2,8"),
        *(f"--dhcp-host={mac},{address}" for mac, address in reserved.items()),
        *("--dhcp-leasefile=/run/leases", "--dhcp-option=option:router,192.168.77.1"),
        *(f"--dhcp-option=option:dns-server,{resolver}", "--no-ping", "--log-dhcp"),
        "--log-facility=/run/dnsmasq.log",
    )


# --- the window on the host --------------------------------------------------------------------


@pytest.mark.parametrize("name", ["evil.example", "evil.example:8080", "manyways.lan", "127.0.0.1"])
def test_the_forwarder_refuses_a_foreign_host(name: str) -> None:
    request = urllib.request.Request("http://127.0.0.1:8080/", headers={"Host": name})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=10)
    refused.value.close()
    assert refused.value.code == 421


def test_the_forwarder_is_on_the_loopback_only() -> None:
    ports = home.docker("port", "home-forwarder").split("\n")
    assert [line for line in ports if line] == ["8080/tcp -> 127.0.0.1:8080"]
