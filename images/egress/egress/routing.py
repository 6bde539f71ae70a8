"""Which rules and routes the egress shall have, as the words of ip(8).

The tables say the same as the firewall, so each of them alone would keep traffic where it
belongs. What finds no way out from the home ends at `lo`, which is on the way to nowhere but
passes the forward chain, and that refuses it. The `prohibit` behind would refuse as well, but
a route's refusals are rationed by the kernel: five, then one per second (ip_error() in
net/ipv4/route.c, without a switch in a namespace). Our own programs get theirs undiluted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

from egress.settings import Lease, Settings

FROM_HOME, BOOTSTRAP, TO_LAN = 100, 101, 102  # tables
BOOTSTRAP_UID = 4712  # also in the rules: the only user that may ask for an endpoint's name
PROTOCOL = 77  # marks routes and rules as ours, see ip-route(8)
TUNNEL = "tun0"
# How long packets may wait in the kernel for a gateway that does not answer ARP: three times this
# instead of three seconds (ip-ntable(8)). What waits there for longer leaves after its device was
# switched away.
ARP_RETRANS_MS = 250


@dataclass(frozen=True, slots=True)
class View:
    """What routes follow from. `lease` is None while the uplink cannot be used.

    `tunnel_up`: our own questions may go by the tunnel; `open`: devices may, too.
    """

    uplink: str
    tunnel: bool
    lease: Lease | None = None
    endpoint: IPv4Address | None = None
    tunnel_up: bool = False
    open: bool = False


def base_commands(settings: Settings, transit: str, uplink: str) -> list[str]:
    """Return the commands of the start: Docker's routes go, the rules and their ends come."""
    lan, router = settings.lan, settings.router
    rules = (
        f"priority 100 iif {transit} lookup {FROM_HOME}",
        # Before main: a provider may use our LAN's addresses for its tunnel.
        f"priority 110 to {lan} lookup {TO_LAN}",
        f"priority 120 uidrange {BOOTSTRAP_UID}-{BOOTSTRAP_UID} lookup {BOOTSTRAP}",
    )
    return [
        "route flush default",
        f"address flush dev {uplink}",
        f"link set {uplink} up",
        f"ntable change name arp_cache dev {uplink} retrans {ARP_RETRANS_MS}",
        *(f"rule add {rule} protocol {PROTOCOL}" for rule in rules),
        *(
            f"route replace prohibit default metric 4096 table {table} protocol {PROTOCOL}"
            for table in ("main", FROM_HOME, BOOTSTRAP, TO_LAN)
        ),
        f"route replace default dev lo metric 2048 table {FROM_HOME} protocol {PROTOCOL}",
        f"route replace {lan} via {router} dev {transit} table {TO_LAN} protocol {PROTOCOL}",
    ]


def routes(view: View) -> tuple[str, ...]:
    """Return the routes that shall be there now, besides those of the start."""
    if view.lease is None:
        return ()
    found: list[str] = []
    if view.tunnel:
        found += _ways_out(view, (BOOTSTRAP,))
        if view.endpoint is not None:
            found.append(_endpoint(view, view.lease, view.endpoint))
            if view.tunnel_up:
                found.append(f"default dev {TUNNEL} table main")
                if view.open:
                    found.append(f"default dev {TUNNEL} table {FROM_HOME}")
    else:
        found += _ways_out(view, (FROM_HOME, "main"))
    return tuple(f"{route} protocol {PROTOCOL}" for route in found)


def _ways_out(view: View, tables: Iterable[int | str]) -> Iterable[str]:
    assert view.lease is not None
    for table in tables:
        # The kernel keeps the one of main itself.
        if table != "main":
            yield f"{view.lease.address.network} dev {view.uplink} table {table}"
        if view.lease.gateway is not None:
            yield f"default via {view.lease.gateway} dev {view.uplink} onlink table {table}"


def _endpoint(view: View, lease: Lease, endpoint: IPv4Address) -> str:
    if endpoint in lease.address.network or lease.gateway is None:
        return f"{endpoint}/32 dev {view.uplink} table main"
    return f"{endpoint}/32 via {lease.gateway} dev {view.uplink} onlink table main"


def change(old: Sequence[str], new: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return (commands that must not fail, commands that may) from `old` routes to `new`.

    What goes may be gone already: the kernel removes routes along with an interface or an
    address. For the same reason everything that shall be there is said again.
    """
    return (
        [f"route replace {route}" for route in new],
        [f"route del {route}" for route in old if route not in new],
    )
