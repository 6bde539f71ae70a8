"""Reports as the daemon gives them, for the tests of everything that shows one."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import cast

from orchestrator.client import (
    Check,
    Destination,
    Device,
    Invitation,
    PauseReceipt,
    Receipt,
    Service,
    Status,
    Trial,
    WifiNetwork,
)
from orchestrator.dhcp_packets import DhcpServer
from orchestrator.dhcp_verdict import Asked, Pool, judge

TV, LAPTOP, PHONE = "02:00:00:00:00:01", "02:00:00:00:00:02", "02:00:00:00:00:03"
REFUSED = "the server refuses the password: put the right one into uk.credentials"


def receipt(old: str = "direct", new: str = "uk", cut: int = 41) -> Receipt:
    return {
        "mac": TV,
        "device": "tv",
        "old": old,
        "new": new,
        "connections_cut": cut,
        "milliseconds": 6.1,
        "at": "2026-01-01T12:00:00+00:00",
        "until": None,
        "note": "",
    }


def device(mac: str, name: str, destination: str, address: str | None) -> Device:
    return {
        "mac": mac,
        "name": name,
        "title": name,
        "kind": "unknown",
        "maker": "",
        "private": False,
        "new": False,
        "address": address,
        "destination": destination,
        "until": None,
        "back_to": "",
        "state": "ok",
        "message": "",
        "online": True,
        "receipt": None,
        "can_undo": False,
        "maybe": [],
        "refused": {"dns_over_tls": 0, "dns_elsewhere": 0},
        "wifi": None,
    }


def _checks(tunnel: bool) -> list[Check]:
    vpn = ("endpoint", "tunnel") if tunnel else ()
    names = ("egress", "uplink", *vpn, "dns", "internet")
    messages = {"uplink": "192.168.178.101/24", "dns": "asks 9.9.9.9"}
    return [{"name": n, "state": "ok", "message": messages.get(n, "")} for n in names]


def destination(name: str) -> Destination:
    vpn = name != "direct"
    return {
        "name": name,
        "title": name,
        "country": {"uk": "GB", "de": "DE", "nl": "NL"}.get(name, ""),
        "kind": "openvpn" if vpn else "direct",
        "uplink": "home",
        "added": False,
        "offered": True,
        "public_address": None,
        "latency_ms": None,
        "state": "ok",
        "message": "",
        "checks": _checks(vpn),
    }


def healthy() -> Status:
    """Three devices, three destinations, all well."""
    return {
        "state": "healthy",
        "version": "0.1.0",
        "config": {"errors": [], "notes": [], "chosen": ""},
        "problems": [],
        "probation": None,
        "stopped": False,
        "services": [
            {"name": name, "state": "ok", "message": ""} for name in ("router", "dhcp", "webui")
        ],
        "lan": {"address": "192.168.77.1", "domain": "lan", "page": "http://192.168.77.1/"},
        "uplinks": [{"name": "home", "interface": "eth0"}],
        "destinations": [destination("direct"), destination("uk"), destination("de")],
        "default_destination": "direct",
        "devices": [
            device(TV, "tv", "uk", "192.168.77.101"),
            device(LAPTOP, "laptop", "direct", "192.168.77.102"),
            {**device(PHONE, "phone", "de", None), "online": False},
        ],
        "wifi": None,
    }


def on_probation() -> Status:
    """A change of the home network that nobody has confirmed yet."""
    return {
        **healthy(),
        "probation": {
            "state": "waiting",
            "reasons": ["lan.address from 192.168.77.1/24 to 10.9.9.1/24"],
            "seconds_left": 41,
            "since": "2026-03-28T12:00:00+00:00",
            "why": "",
        },
    }


def empty() -> Status:
    """A router that no device has found yet."""
    return {**healthy(), "devices": []}


def degraded() -> Status:
    """One of everything that can be wrong."""
    report = healthy()
    report["state"] = "degraded"
    report["config"] = {
        "errors": ["router.yaml:3: lan.address: no address; write for example 192.168.77.1/24"],
        "notes": ["profiles/uk.ovpn:12: up: programs are never run"],
        "chosen": "",
    }
    report["services"][1] = {"name": "dhcp", "state": "failed", "message": "it is restarted"}
    uk, de = report["destinations"][1:]
    uk["state"], uk["message"] = "down", REFUSED
    uk["checks"][3] = {"name": "tunnel", "state": "failed", "message": REFUSED}
    uk["checks"][4] = {"name": "dns", "state": "unknown", "message": ""}
    uk["checks"][5] = {"name": "internet", "state": "unknown", "message": ""}
    de["state"] = "starting"
    de["checks"][3] = {"name": "tunnel", "state": "unknown", "message": "it is connecting"}
    tv, _, phone = report["devices"]
    de["message"] = "it is connecting"
    tv["state"], tv["message"], tv["receipt"] = "down", REFUSED, receipt()
    phone["state"], phone["message"] = "starting", "it is connecting"
    old = device("02:00:00:00:00:04", "old-tablet", "", "192.168.77.104")
    gone = "its destination 'nl' no longer exists; choose another"
    report["devices"].append({**old, "state": "rejected", "message": gone})
    report["problems"] = ["starting manyways-dhcp: the Docker engine does not answer"]
    return report


def paused() -> Status:
    """A destination that a person has paused, and the device that waits for it."""
    report = healthy()
    uk = report["destinations"][1]
    uk["state"], uk["message"] = "paused", "nothing of its devices gets out"
    tv = report["devices"][0]
    tv["state"], tv["message"] = "rejected", "its destination is paused"
    return report


def timed() -> Status:
    """Devices with names that people gave them, two of them switched for a time."""
    report = healthy()
    tv, laptop, phone = report["devices"]
    tv["until"], tv["back_to"] = "2026-01-01T22:30:00+00:00", "direct"
    phone["until"], phone["destination"] = "2026-01-04T23:00:00+00:00", "uk"
    laptop["name"], laptop["title"] = "grandmas-ipad", "Grandma's iPad"
    phone["name"], phone["title"] = "device-000003", "电视"
    report["devices"].append(device("02:00:00:00:00:04", "device-000004", "direct", None))
    report["devices"][-1]["title"] = "Device 00:04"
    return report


def wireless(most: int | None = 8) -> Status:
    """A router with two Wi-Fi networks, one of which leads elsewhere and is empty."""
    report = healthy()
    home: WifiNetwork = {
        "ssid": "Home", "hidden": False, "security": "auto", "destination": "", "stations": 2,
    }  # fmt: skip
    uk: WifiNetwork = {
        **home, "ssid": "Home-UK", "hidden": True, "destination": "uk", "stations": 0,
    }  # fmt: skip
    report["services"].append({"name": "hostapd", "state": "ok", "message": ""})
    report["wifi"] = {
        "state": "on", "message": "", "channel": 6, "max_stations": most, "networks": [home, uk],
    }  # fmt: skip
    tv, laptop, _ = report["devices"]
    tv["wifi"] = {"ssid": "Home", "signal_dbm": -48}
    laptop["wifi"] = {"ssid": "Home", "signal_dbm": None}
    return report


def no_radio() -> Status:
    """The same without its radio."""
    report = wireless(None)
    report["state"] = "degraded"
    message = (
        "its radio is not there; to learn what holds it, type on the router: orchestrator doctor"
    )
    report["services"][-1] = {"name": "hostapd", "state": "failed", "message": message}
    assert report["wifi"]
    report["wifi"] |= {"state": "waiting", "message": message, "channel": None}
    for network in report["wifi"]["networks"]:
        network["stations"] = 0
    for one in report["devices"]:
        one["wifi"] = None
    return report


INVITATION: Invitation = {
    "ssid": "Home-UK",
    "passphrase": "correct horse; battery",
    "text": r"WIFI:T:WPA;S:Home-UK;P:correct horse\; battery;H:true;;",
}


def pause_receipt(paused: bool, changed: bool = True) -> PauseReceipt:
    return {
        "destination": "uk",
        "paused": paused,
        "changed": changed,
        "devices": 1 if paused else 2,
        "connections_cut": 41 if paused and changed else 0,
        "milliseconds": 6.1,
        "at": "2026-01-01T12:00:00+00:00",
    }


def on_trial() -> Status:
    """One destination was added and has not worked yet; the others show how they look outside."""
    report = healthy()
    direct, uk, _ = report["destinations"]
    password = "the provider refuses the user name or the password"
    checks: list[Check] = [
        {"name": "endpoint", "state": "ok", "message": "198.51.100.10:1194/udp"},
        {"name": "tunnel", "state": "failed", "message": password},
        {"name": "dns", "state": "unknown", "message": "waits for the tunnel"},
    ]
    nl: Destination = {
        **destination("nl"), "country": "NL", "added": True, "offered": False, "state": "down",
        "message": password, "checks": checks,
    }  # fmt: skip
    living: Destination = {
        **uk,
        "title": "Living in London",
        "public_address": "198.51.100.10",
        "latency_ms": 21.46,
    }
    report["destinations"] = [{**direct, "latency_ms": 3.2}, living, nl]
    return report


def trial(accepted: bool) -> Trial:
    return {
        "name": "nl",
        "accepted": accepted,
        "problems": [] if accepted else ["line 3: up: runs a program", "line 9: no"],
        "notes": ["line 4: route: left out"] if accepted else [],
    }


def dhcp_trouble(kind: str) -> Status:
    """A router whose DHCP service is "nearly full", "full", "unknown", or not the only one."""
    own = DhcpServer(IPv4Address("192.168.77.252"), "02:a1:b2:02:00:00")
    rogue = DhcpServer(IPv4Address("192.168.77.66"), "02:4d:57:00:00:66")
    asked, pool = {
        "another": (Asked(0, (own, rogue)), Pool(100, 3)),
        "nearly full": (Asked(0, (own,)), Pool(100, 97)),
        "full": (Asked(0), Pool(100, 100)),
        "unknown": (Asked(0, problem="the router does not run"), Pool(100, 3)),
    }[kind]
    state, message = judge(asked, own, pool, 0)
    report = empty()
    report["state"] = "degraded"
    report["services"][1] = cast(Service, {"name": "dhcp", "state": state, "message": message})
    return report


def unconfigured() -> Status:
    """A daemon that has never seen a good configuration."""
    return {
        **empty(),
        "state": "degraded",
        "config": {"errors": ["router.yaml: there is no such file"], "notes": [], "chosen": ""},
        "services": [],
        "lan": {"address": "", "domain": "", "page": ""},
        "uplinks": [],
        "destinations": [],
        "default_destination": "",
    }
