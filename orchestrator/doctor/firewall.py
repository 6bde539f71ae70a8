"""The host's own firewall, as far as it is in the way of packets between our containers.

The router forwards in namespaces of its own. But its links to the destinations are bridges of
the host, and with br_netfilter loaded, as Docker does, what crosses a bridge also passes the
chains in which the host judges what it forwards.
"""

from __future__ import annotations

from orchestrator.doctor.machine import BaseChain, Firewall, Machine, known
from orchestrator.doctor.words import Finding, Findings

_DOCKERS = ("DOCKER-USER", "DOCKER-FORWARD", "DOCKER-ISOLATION-STAGE-1")


def bridge_filter(machine: Machine) -> Findings:
    """br_netfilter costs speed, and makes the FORWARD chain matter."""
    wall = known(machine.firewall)
    closed = [chain for chain in wall.chains if _closed(chain)]
    if wall.bridged and closed:
        yield Finding(
            "br_netfilter",
            "warning",
            "is on: packets between the router and its destinations, and between devices on "
            f"bridged ports, also pass {', '.join(_shown(chain) for chain in closed)}",
            "if nothing else here needs it: `net.bridge.bridge-nf-call-iptables = 0` in a file of "
            "/etc/sysctl.d",
        )
    elif wall.bridged:
        yield Finding(
            "br_netfilter", "ok", "is on, as Docker wants it, and no foreign chain drops by it"
        )
    else:
        yield Finding("br_netfilter", "ok", "is off: what crosses a bridge passes no firewall")


def forward_policy(machine: Machine) -> Findings:
    """Docker drops what is forwarded, and lets its own through; a flush leaves only the drop."""
    wall = known(machine.firewall)
    chain = _forward(wall)
    if chain is None and wall.legacy_tables:
        yield Finding(
            "FORWARD policy",
            "not checked",
            "the rules are of iptables' legacy kind, which can't be read from here",
            "`iptables-legacy -S FORWARD` shows them",
        )
    elif chain is None or chain.policy != "drop":
        yield Finding("FORWARD policy", "ok", "accepts")
    elif chain.jumps & set(_DOCKERS):
        yield Finding(
            "FORWARD policy", "ok", "drops, and Docker's rules for its networks are there"
        )
    else:
        yield Finding(
            "FORWARD policy",
            "error" if wall.bridged else "warning",
            "drops, and Docker's rules are gone: somebody has emptied the tables, and "
            + ("the router can't reach its destinations" if wall.bridged else "Docker's own "
               "networks can't reach anything"),
            "`systemctl restart docker`; then let nftables.service or the firewall that empties "
            "the tables start before Docker, or not at all",
        )  # fmt: skip


def iptables_kind(machine: Machine) -> Findings:
    """Two sets of rules, of which each tool shows one."""
    wall = known(machine.firewall)
    if wall.legacy_tables and wall.nft_tables:
        yield Finding(
            "iptables",
            "warning",
            f"there are rules of the legacy kind ({', '.join(wall.legacy_tables)}) next to nft's "
            f"({', '.join(wall.nft_tables)}): a packet passes both, and each tool shows one",
            "choose nft with `update-alternatives --config iptables` (and ip6tables), and reboot",
        )
    else:
        kind = "legacy" if wall.legacy_tables else "nft" if wall.nft_tables else "neither"
        yield Finding("iptables", "ok", f"rules of one kind only ({kind})")


def forwarding(machine: Machine) -> Findings:
    """The host's forwarding serves Docker's ordinary networks, and must not serve the LAN."""
    seen = known(machine.forwarding)
    if not seen.host:
        yield Finding(
            "IP forwarding",
            "warning",
            "the host's is off: image builds have no network (the router does not need it)",
            "`net.ipv4.ip_forward = 1` in a file of /etc/sysctl.d, then `systemctl restart docker`",
        )
        return
    ports = {port.name: port for port in known(machine.ports)}
    way = [
        name
        for name in known(machine.wanted).lan_ports
        if seen.ports.get(name) and name in ports and ports[name].addresses
    ]
    for name in way:
        yield Finding(
            "IP forwarding",
            "error",
            f"the host has an address on {name} and forwards from there: a device can go past the "
            "router, by no destination at all",
            f"`ip address flush dev {name}`, and no address for it in the host's settings",
        )
    if not way:
        yield Finding("IP forwarding", "ok", "is on, and the host forwards nothing from the LAN")


def _forward(wall: Firewall) -> BaseChain | None:
    wanted = ("ip filter", "FORWARD")
    return next((c for c in wall.chains if (c.table, c.name) == wanted), None)


def _closed(chain: BaseChain) -> bool:
    """Say whether a chain that is not Docker's may drop what it does not know."""
    return (chain.table, chain.name) != ("ip filter", "FORWARD") and (
        chain.policy == "drop" or chain.drops
    )


def _shown(chain: BaseChain) -> str:
    return f"chain {chain.name} of table {chain.table}"
