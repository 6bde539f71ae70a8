"""The router namespace as text: its nftables rules, its legs and tables.

The rules are static for a set of destinations; what a switch changes stands in marks.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from orchestrator.render.marks import LIVE_SET, MARK_MAP, SENDER_SET, SHUT_SET, TABLE

SLOT_MASK = 0xFF
# Of a query that the home's own resolver answers, because its device has no way out; no slot is
# as great, and no device's mark is as small.
HOME_MARK = 0xF0
STALE_SET = "stale_mark"
STRANGERS_SET = "strangers"
STRANGERS_SIZE = 256
PAGE_VISITS = 40  # of one device at the same time
HIDDEN_DNS_SET = "hidden_dns"
DNS_ELSEWHERE_SET = "dns_elsewhere"


@dataclass(frozen=True, slots=True)
class Transit:
    """One transit link: the router's own address on it, and the egress at its other end."""

    slot: int
    destination: str
    address: IPv4Address
    egress: IPv4Address
    egress_mac: str


@dataclass(frozen=True, slots=True)
class RouterView:
    """What the router has to know."""

    lan_mac: str
    lan: IPv4Network
    address: IPv4Address
    page: IPv4Address
    resolver: IPv4Address  # of the home: who has no way out still finds the page by its name
    transit_pool: IPv4Network
    transits: tuple[Transit, ...]
    dns_over_tls: tuple[str, ...] = ()  # the MAC addresses of those that may


def render_legs(view: RouterView) -> str:
    """Return router.json: how each leg is known, and the gateway behind each slot."""
    transits = [
        {
            "slot": t.slot,
            "destination": t.destination,
            "address": str(t.address),
            "egress": str(t.egress),
        }
        for t in view.transits
    ]
    legs = {"lan": {"mac": view.lan_mac, "network": str(view.lan)}, "transits": transits}
    return json.dumps(legs, indent=1) + "\n"


def render_rules(view: RouterView) -> str:
    """Return rules.nft. `$lan` is given by `nft -D lan=INTERFACE`: names are Docker's choice."""
    return _RULES.format(
        table=TABLE,
        mark_map=MARK_MAP,
        sender_set=SENDER_SET,
        live_set=LIVE_SET,
        shut_set=SHUT_SET,
        stale_set=STALE_SET,
        strangers_set=STRANGERS_SET,
        strangers_size=STRANGERS_SIZE,
        hidden_dns_set=HIDDEN_DNS_SET,
        dns_elsewhere_set=DNS_ELSEWHERE_SET,
        dns_over_tls=_elements(view.dns_over_tls),
        mask=f"{SLOT_MASK:#010x}",
        home_mark=f"{HOME_MARK:#010x}",
        resolvers=_elements(f"{slot:#010x} : {address}" for slot, address in _resolvers(view)),
        resolver=view.resolver,
        egresses=_elements(f"{t.egress_mac} : {t.slot:#010x}" for t in view.transits),
        lan=view.lan,
        address=view.address,
        page=view.page,
        page_visits=PAGE_VISITS,
        transit_pool=view.transit_pool,
    )


def _resolvers(view: RouterView) -> Iterable[tuple[int, IPv4Address]]:
    yield from ((t.slot, t.egress) for t in view.transits)
    yield HOME_MARK, view.resolver


def render_version6() -> str:
    """Return ipv6.nft, the refusal of IPv6; `$lan` as for the rules.

    At the ingress of the leg, where the kernel builds the answer from the packet alone: the
    router needs no IPv6 address, no route and no IPv6 at all for it, so nothing of it can be
    reached by IPv6. It is a file of its own because not every kernel can do so.
    """
    return _VERSION6


def _elements(items: Iterable[str]) -> str:
    lines = ",\n".join(f"\t\t\t{item}" for item in items)
    return f"\n\t\telements = {{\n{lines}\n\t\t}}" if lines else ""


_RULES = """\
table {table}
delete table {table}
table {table} {{
	# Which ct mark a new connection of a device gets: generation, device, destination.
	map {mark_map} {{
		type ether_addr : mark
		size 8192
	}}

	# The marks that may pass. A switch takes the old one out and puts the new one in. An element
	# counts what is let through to its device: the kernel counts where a lookup finds it, and
	# only the last match before "accept" looks for it.
	set {live_set} {{
		type mark
		size 8192
		counter
	}}

	# Whose marks they are: a device that takes another's address and ports gets nothing by it.
	# Every transaction changes both sets alike, so a mark that is found here is a live one. An
	# element counts what is let through from its device.
	set {sender_set} {{
		type ether_addr . mark
		size 8192
		counter
	}}

	# The slots whose egress is down, as long as the orchestrator sees it; empty at the start.
	set {shut_set} {{
		type mark
	}}

	# The dead marks that something still sends by: a connection that was refused but never cut, as
	# when its cut was interrupted. As long as it is used it stays, so the orchestrator looks here.
	set {stale_set} {{
		type mark
		size 256
		flags dynamic,timeout
		timeout 1m
	}}

	# Who sends without being known: the orchestrator looks here for devices without a lease.
	set {strangers_set} {{
		type ether_addr . ipv4_addr
		size {strangers_size}
		flags dynamic,timeout
		timeout 5m
	}}

	# Who tried to hide its queries, and who asked a server of its own choice: how often. Bounded
	# and forgetting, because whoever makes up MAC addresses can fill them.
	set {hidden_dns_set} {{
		type ether_addr
		size 1024
		flags dynamic,timeout
		timeout 1h
		counter
	}}

	set {dns_elsewhere_set} {{
		type ether_addr
		size 1024
		flags dynamic,timeout
		timeout 1h
		counter
	}}

	# Who may hide its queries from the destination's resolver.
	set dns_over_tls {{
		type ether_addr{dns_over_tls}
	}}

	# The resolver of each destination, by the mark's last byte.
	map resolver {{
		type mark : ipv4_addr{resolvers}
	}}

	# The slot behind each egress' MAC address.
	map egress_mark {{
		type ether_addr : mark{egresses}
	}}

	# How many connections to the page each device has: the page sees the router in all of them.
	set page_visitors {{
		type ether_addr
		size 4096
		flags dynamic
	}}

	# Whose fragments those of an address are. Kept for longer than the kernel waits for the rest.
	set fragment_owner {{
		type ipv4_addr . ether_addr
		size 4096
		flags dynamic,timeout
		timeout 1m
	}}

	set fragmenting {{
		type ipv4_addr
		size 4096
		flags dynamic,timeout
		timeout 1m
	}}

	# Before the kernel puts fragments together: whose a packet is cannot be told afterwards.
	chain forgeries {{
		type filter hook prerouting priority -450; policy accept;
		# Nobody in the home has another address. An answer that is forged here would match the flow
		# of another device, and its refusal, which quotes it, would leave by that one's destination.
		iifname $lan ip saddr != {lan} drop
		iifname $lan ip frag-off & 0x3fff != 0 goto fragments
	}}

	# Of fragments of two devices the kernel would make one packet, with the first one's mark.
	chain fragments {{
		ip saddr . ether saddr @fragment_owner update @fragment_owner {{ ip saddr . ether saddr }} update @fragmenting {{ ip saddr }} accept
		ip saddr @fragmenting drop
		add @fragmenting {{ ip saddr }} add @fragment_owner {{ ip saddr . ether saddr }} accept
		drop
	}}

	chain marking {{
		type filter hook prerouting priority mangle; policy accept;
		# A packet of a connection that was cut has no entry and no mark, so no route either:
		# the device gets its reset here, the far end by the transit that the packet came from.
		iifname $lan ip saddr {lan} ct state invalid meta l4proto tcp reject with tcp reset
		iifname != $lan ct state invalid meta mark set ether saddr map @egress_mark
		ct state invalid accept
		iifname $lan ip daddr {address} tcp dport 80 return
		# Once marked, for ever: a flow without an answer stays "new", and would otherwise
		# take over the mark of the next destination.
		iifname $lan ip saddr {lan} ct mark 0x00000000 ct state new jump first_packet
		# In both directions, so that a reset towards the far end finds the way it came.
		meta mark set ct mark
		# The answer of a destination that the device has left, for a port that is in use again: it
		# gets the mark of where it comes from, and is refused by that. Real marks are greater.
		iifname != {{ lo, $lan }} fib saddr . mark . iif oif missing meta mark set ether saddr map @egress_mark
	}}

	chain first_packet {{
		ct mark set ether saddr map @{mark_map}
		ct mark 0x00000000 add @{strangers_set} {{ ether saddr . ip saddr }}
		meta l4proto {{ tcp, udp }} th dport 53 jump first_query
	}}

	# Who has no way out, or one that carries nothing now, asks the home's own resolver. Decided once,
	# like every mark: the query's answer comes from where the query went.
	chain first_query {{
		ct mark 0x00000000 ct mark set {home_mark}
		ct mark & {mask} @{shut_set} ct mark set {home_mark}
	}}

	chain redirection {{
		type nat hook prerouting priority dstnat; policy accept;
		iifname $lan meta l4proto {{ tcp, udp }} th dport 53 ip daddr != {address} ct mark != {home_mark} update @{dns_elsewhere_set} {{ ether saddr }}
		iifname $lan meta l4proto {{ tcp, udp }} th dport 53 dnat ip to ct mark & {mask} map @resolver
		iifname $lan ip daddr {address} tcp dport 80 dnat ip to {page}
	}}

	chain unroutable {{
		type filter hook prerouting priority dstnat + 10; policy accept;
		# What has no way out is refused here already: the refusals of the routing itself are
		# rationed by the kernel, and a device with many connections would hang.
		iifname $lan ip saddr {lan} fib daddr type unicast ct mark & {mask} @{shut_set} goto refuse
		iifname $lan ip saddr {lan} fib daddr type unicast fib daddr . mark oif missing goto refuse
	}}

	chain page_return {{
		type nat hook postrouting priority srcnat; policy accept;
		# Device and page share a segment: without this the page would answer past the router.
		oifname $lan iifname $lan ip daddr {page} tcp dport 80 masquerade
		oifname $lan iifname $lan ip daddr {resolver} ct mark {home_mark} masquerade
	}}

	chain input {{
		type filter hook input priority filter; policy drop;
		iifname lo accept
		iifname $lan ip saddr {lan} jump from_lan
	}}

	chain from_lan {{
		ct state established,related accept
		ip daddr {address} icmp type echo-request accept
		fib daddr type {{ broadcast, multicast }} drop
		goto refuse
	}}

	chain forward {{
		type filter hook forward priority filter; policy drop;
		iifname $lan oifname $lan goto within_home
		ct state invalid goto refuse
		meta mark 0x00000001-{mask} goto refuse
		iifname $lan goto from_device
		oifname $lan ct state established,related ct mark @{live_set} accept
		ct mark != @{live_set} goto dead
	}}

	# What is refused whatever its mark comes first: what is found in the set of senders is counted
	# there, and is let through.
	chain from_device {{
		# DNS over TLS would hide a query from the destination's resolver.
		meta l4proto {{ tcp, udp }} th dport 853 ether saddr != @dns_over_tls goto hidden_dns
		ip daddr {transit_pool} jump to_transit
		ether saddr . ct mark @{sender_set} accept
		ct mark != @{live_set} goto dead
		goto refuse
	}}

	# Only a query, which is redirected to the device's own resolver, goes to a transit network.
	chain to_transit {{
		meta l4proto {{ tcp, udp }} th dport 53 return
		goto refuse
	}}

	chain hidden_dns {{
		ct mark != 0x00000000 update @{hidden_dns_set} {{ ether saddr }}
		goto refuse
	}}

	chain within_home {{
		ct mark {home_mark} goto home_names
		# One gadget that opens and opens must not shut the page for all others.
		iifname $lan ip daddr {page} ct state new add @page_visitors {{ ether saddr ct count over {page_visits} }} reject with tcp reset
		ip daddr {page} tcp dport 80 ct status dnat accept
		ip saddr {page} ct state established accept
		goto refuse
	}}

	chain home_names {{
		ip saddr {resolver} ct state established,related accept
		# Whose destination carries again shall ask that one, also with a socket that it keeps: such a
		# flow is noted like one with a dead mark, and forgotten.
		meta mark set ether saddr map @{mark_map}
		meta mark != {home_mark} meta mark & {mask} != @{shut_set} goto dead
		ip daddr {resolver} meta l4proto {{ tcp, udp }} th dport 53 ct status dnat accept
		goto refuse
	}}

	chain dead {{
		ct mark != 0x00000000 add @{stale_set} {{ ct mark }}
		goto refuse
	}}

	chain refuse {{
		meta l4proto tcp ct state != new reject with tcp reset
		reject with icmpx admin-prohibited
	}}

	chain output {{
		type filter hook output priority filter; policy accept;
		# Docker's own resolver would ask by the host's way.
		ip daddr 127.0.0.11 reject
	}}
}}
"""

_VERSION6 = """\
table netdev manyways
delete table netdev manyways
table netdev manyways {
	chain refuse_ipv6 {
		type filter hook ingress device $lan priority filter; policy accept;
		# No error is the answer to an error (RFC 4443, 2.4).
		icmpv6 type < 128 drop
		meta protocol ip6 reject with icmpv6 admin-prohibited
	}
}
"""
