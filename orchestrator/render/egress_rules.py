"""The firewall of one egress: what may pass, and what a refused packet is told.

The kernel keeps the promise, not the supervisor: with every program of the container dead,
these rules still let nothing of the home out by another way than the destination's own. They
are loaded in one transaction before anything is forwarded. `$transit` and `$uplink` are names
that only the running container knows (`nft -D`).
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from string import Template

# What answers from here may be the provider itself, or the house: no proof of an internet.
_PRIVATE = "10.0.0.0/8, 100.64.0.0/10, 169.254.0.0/16, 172.16.0.0/12, 192.168.0.0/16"
PORTAL_TEST = "192.0.2.1"  # nobody has it (RFC 5737): who answers there stands in between
ASKER_UID = 4713  # a number without a name: who asks for the public address
BOOTSTRAP_UID = 4712  # the user of the image that may ask for an endpoint's name, and no other


class _Rules(Template):
    """nft itself uses `$` and `@`."""

    delimiter = "%"


_TEXT = _Rules("""\
# The egress %{name}. Loaded with: nft -D transit=INTERFACE -D uplink=INTERFACE -f rules.nft
table inet manyways
delete table inet manyways

table inet manyways {
%{sets}\
	# Replies to devices from the internet: proof that the way out leads there.
	counter replies {
	}

	chain forward {
		type filter hook forward priority filter; policy drop;
		# A path that swallows large packets silently is the classic illness of tunnels.
		tcp flags syn tcp option maxseg size set rt mtu
		# Whose flow it is, so that it can be cleared when the device leaves. The far end of a TCP
		# connection still gets its reset by its entry, so that has no mark.
		iifname $transit meta nfproto ipv4 meta l4proto != tcp ct state new ct mark set @nh,96,32
		iifname $transit jump from_home
		# What comes from outside without having been asked for is dropped without a word.
		iifname %{exit} oifname $transit ip saddr != { %{private} } ct state established \
counter name "replies" accept
		iifname %{exit} oifname $transit ct state established,related accept
	}

	chain from_home {
		oifname %{exit} ct state established accept
		meta nfproto ipv6 reject with icmpv6 type admin-prohibited
		ip saddr != { %{lan}, %{transit} } drop
		ip daddr { %{lan}, %{transit}, 127.0.0.0/8 } reject with icmpx type admin-prohibited
		# A connection that nobody here remembers is over, and its owner should learn it now.
		ct state invalid meta l4proto tcp reject with tcp reset
		ct state invalid drop
		oifname %{exit} accept
		reject with icmpx type admin-prohibited
	}

	chain input {
		type filter hook input priority filter; policy drop;
		iifname "lo" accept
		iifname $transit jump from_transit
		ct state established accept
		# Not "redirect": nobody on an uplink tells us where to send.
		ct state related icmp type { destination-unreachable, time-exceeded, parameter-problem } \
accept
	}

	chain from_transit {
		meta nfproto ipv6 drop
		ip saddr { %{lan}, %{router} } ip daddr %{address} \
meta l4proto { tcp, udp } th dport 53 accept
		ip saddr %{router} icmp type echo-request accept
		reject with icmpx type admin-prohibited
	}

	chain output {
		type filter hook output priority filter; policy drop;
		meta nfproto ipv6 drop
		# How a program of our own learns that it was refused.
		oifname "lo" icmp type destination-unreachable accept
		oifname "lo" tcp flags & rst == rst accept
		# Docker's resolver on 127.0.0.11 would ask through the host.
		ip daddr 127.0.0.0/8 reject with icmpx type admin-prohibited
		oifname $transit jump to_home
%{asking}		oifname %{exit} meta l4proto { tcp, udp } th dport 53 accept
		oifname %{exit} icmp type echo-request accept
%{uplink}\
		# The renewal of the lease; everything else about DHCP goes through a packet socket.
		oifname $uplink meta skuid 0 udp sport 68 udp dport 67 accept
		reject with icmpx type admin-prohibited
	}

	chain to_home {
		ct state established accept
		icmp type { destination-unreachable, time-exceeded, parameter-problem } accept
		tcp flags & rst == rst accept
	}

	chain source_nat {
		type nat hook postrouting priority srcnat; policy accept;
		oifname %{exit} ip saddr { %{lan}, %{transit} } masquerade
	}

	# The last word: an address of the home on a wire outside is a packet that lost its way.
	chain wires {
		type filter hook postrouting priority 300; policy accept;
		oifname { %{outside} } ip saddr { %{lan}, %{transit} } drop
	}
}
""")

_TUNNEL_SETS = """\
	# Where the tunnel's own packets go: one endpoint at a time.
	set endpoints {
		type ipv4_addr . inet_proto . inet_service
	}

	# Who may be asked for the endpoint's name, for as long as it is being asked for.
	set bootstrap_dns {
		type ipv4_addr
		flags timeout
	}

"""

_TUNNEL_UPLINK = f"""\
		oifname $uplink ip daddr . ip protocol . th dport @endpoints accept
		oifname $uplink meta skuid {BOOTSTRAP_UID} ip daddr @bootstrap_dns \
meta l4proto {{ tcp, udp }} th dport 53 accept
"""


_DIRECT_UPLINK = f"""\
		# Whether the network in front wants a login page.
		oifname $uplink meta skuid {ASKER_UID} ip daddr {PORTAL_TEST} tcp dport 80 accept
"""

_ASKING = f"""\
		# Who asks for our public address does so by the way out, or not at all.
		meta skuid {ASKER_UID} oifname != %{{exit}} reject with icmpx type admin-prohibited
		oifname %{{exit}} meta skuid {ASKER_UID} tcp dport %{{port}} accept
"""


def render_rules(
    *,
    name: str,
    tunnel: bool,
    lan: IPv4Network,
    transit: IPv4Interface,
    router: IPv4Address,
    service_port: int | None = None,
) -> str:
    """Return rules.nft: by `tun0` only when `tunnel`, else by the uplink only.

    `service_port` is where the program that asks for the public address may ask.
    """
    way_out = '"tun0"' if tunnel else "$uplink"
    asking = _Rules(_ASKING).substitute(exit=way_out, port=service_port) if service_port else ""
    return _TEXT.substitute(
        name=name,
        sets=_TUNNEL_SETS if tunnel else "",
        uplink=_TUNNEL_UPLINK if tunnel else _DIRECT_UPLINK,
        exit=way_out,
        asking=asking,
        outside='$uplink, "tun0"' if tunnel else "$uplink",
        private=_PRIVATE,
        lan=lan,
        transit=transit.network,
        address=transit.ip,
        router=router,
    )
