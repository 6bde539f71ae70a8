"""A home full of people and their things, for pictures and for tests of how it all looks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal

from orchestrator.client import Destination, Device, Status
from tests.web.reports import destination, device, healthy, receipt

IPAD, DAD, EMMA = "3c:06:30:1a:2b:01", "da:4e:10:1a:2b:02", "7a:9c:55:1a:2b:03"
TELEVISION, NEWCOMER, KITCHEN = "8c:79:f5:1a:2b:04", "da:a1:19:1a:2b:05", "6e:11:fe:1a:2b:06"
Kind = Literal[
    "phone", "tablet", "computer", "tv", "speaker", "console", "camera", "printer", "watch",
    "thing", "unknown",
]  # fmt: skip


def _way(name: str, title: str, country: str, address: str | None, ms: float) -> Destination:
    return {
        **destination(name), "title": title, "country": country, "public_address": address,
        "latency_ms": ms,
    }  # fmt: skip


def _member(
    mac: str, title: str, kind: Kind, maker: str, way: str, last: int, *, online: bool = True
) -> Device:
    label = title.lower().replace("'", "").replace(" ", "-")
    private = mac[1] in "26ae"
    return {
        **device(mac, label, way, f"192.168.77.{last}"),
        "title": title, "kind": kind, "maker": "" if private else maker, "private": private,
        "online": online,
    }  # fmt: skip


def _devices(now: datetime) -> list[Device]:
    """Everybody; one has a way for a while, one was moved a moment ago, one is new."""
    until, moved = now + timedelta(minutes=95), now - timedelta(minutes=12)
    ipad = _member(IPAD, "Grandma's iPad", "tablet", "Apple", "uk", 21)
    ipad["receipt"] = {
        **receipt("direct", "uk", 12), "mac": IPAD, "device": "Grandma's iPad",
        "at": moved.isoformat(timespec="seconds"),
    }  # fmt: skip
    ipad["can_undo"] = True
    dad = _member(DAD, "Dad's phone", "phone", "", "de", 22)
    dad["until"], dad["back_to"] = until.isoformat(timespec="seconds"), "direct"
    newcomer = _member(NEWCOMER, "Android phone", "phone", "", "direct", 35)
    newcomer["new"] = True
    newcomer["maybe"] = [{"mac": KITCHEN, "title": "Kitchen phone"}]
    television = _member(TELEVISION, "Living room TV", "tv", "Samsung", "uk", 26)
    television["refused"] = {"dns_over_tls": 0, "dns_elsewhere": 212}
    return [
        ipad,
        dad,
        _member(EMMA, "Emma's phone", "phone", "", "direct", 23),
        television,
        newcomer,
        _member("f8:e4:e3:1a:2b:07", "Mum's laptop", "computer", "Lenovo", "de", 24),
        _member("38:f9:d3:1a:2b:08", "Homework computer", "computer", "Apple", "direct", 25),
        _member("54:60:09:1a:2b:09", "Kitchen speaker", "speaker", "Google", "direct", 27),
        _member("00:d9:d1:1a:2b:0a", "PlayStation", "console", "Sony", "nl", 28),
        _member("44:bb:3b:1a:2b:0b", "Front door camera", "camera", "Nest", "direct", 29),
        _member("ac:67:b2:1a:2b:0c", "Heating", "thing", "Espressif", "direct", 30),
        _member("c8:d9:d2:1a:2b:0d", "Printer", "printer", "HP", "direct", 31, online=False),
        _member(KITCHEN, "Kitchen phone", "phone", "", "uk", 32, online=False),
        _member("28:6d:97:1a:2b:0e", "Ben's watch", "watch", "Garmin", "direct", 33, online=False),
    ]


def family(now: datetime | None = None) -> Status:
    """A good evening at home."""
    return {
        **healthy(),
        "destinations": [
            _way("direct", "Direct", "", "203.0.113.24", 9.0),
            _way("uk", "United Kingdom", "GB", "198.51.100.7", 31.0),
            _way("de", "Germany", "DE", "198.51.100.61", 18.0),
            _way("nl", "Netherlands", "NL", "198.51.100.140", 22.0),
        ],
        "devices": _devices(now or datetime.now(UTC)),
    }


def troubled(now: datetime | None = None) -> Status:
    """The same home when one way out has failed and another one is paused."""
    report = family(now)
    report["state"] = "degraded"
    _, _, de, nl = report["destinations"]
    said = "the VPN company's server does not answer"
    de["state"], de["message"], de["public_address"], de["latency_ms"] = "down", said, None, None
    de["checks"][2] = {"name": "endpoint", "state": "failed", "message": said}
    for check in de["checks"][3:]:
        check["state"] = "unknown"
    nl["state"], nl["message"] = "paused", "nothing of its devices gets out"
    for member in report["devices"]:
        if member["destination"] == "de":
            member["state"], member["message"] = "down", said
        elif member["destination"] == "nl":
            member["state"], member["message"] = "rejected", "its destination is paused"
    return report


def crowd(count: int) -> Status:
    """A house with `count` devices and twelve destinations."""
    report = family()
    for n in range(8):
        report["destinations"].append(_way(f"vpn{n}", f"Sweden {n}", "SE", None, 40.0 + n))
    kinds: tuple[Kind, ...] = ("phone", "computer", "tv", "console", "thing")
    for n in range(count - len(report["devices"])):
        mac = f"00:1a:11:00:{n >> 8:02x}:{n & 255:02x}"
        report["devices"].append(
            _member(mac, f"Device {n}", kinds[n % 5], "Maker", "direct", 40 + n % 200)
        )
    return report
