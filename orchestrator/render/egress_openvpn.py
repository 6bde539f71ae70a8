"""The tunnel of one egress, as OpenVPN reads it.

What the provider's profile says comes first, what keeps the router safe comes last: OpenVPN
takes the last word. No program is ever run on the provider's behalf, no route is taken, and
each run tries one endpoint and ends when it fails, because the supervisor decides what comes
next: it has to open the firewall for that endpoint first.
"""

from __future__ import annotations

from orchestrator.model import Profile

MANAGEMENT_PATH = "/run/manyways/openvpn.sock"

# Seconds. An endpoint that says nothing for so long is given up; a handshake on a slow
# processor with a long key must fit into the second.
_CONNECT_TIMEOUT = 10
_HANDSHAKE = 30

_PUSHED_AND_IGNORED = (
    "redirect-gateway",
    "redirect-private",
    "route ",
    "route-ipv6",
    "ifconfig-ipv6",
    "tun-ipv6",
    "block-outside-dns",
    "block-ipv6",
    "persist-tun",
)

_OURS = f"""\
# What follows is the router's own, and stands last because the last word counts.
client
dev tun0
dev-type tun
nobind
# Routes, addresses of name servers and the way of failing are the supervisor's.
route-noexec
{"".join(f'pull-filter ignore "{word}"' + chr(10) for word in _PUSHED_AND_IGNORED)}\
script-security 0
management {MANAGEMENT_PATH} unix
management-client
management-hold
management-up-down
# One endpoint, one attempt: then the supervisor looks again.
remap-usr1 SIGTERM
connect-retry 1
connect-retry-max 1
connect-timeout {_CONNECT_TIMEOUT}
hand-window {_HANDSHAKE}
resolv-retry 0
auth-retry none
auth-nocache
suppress-timestamps
verb 3
"""


def render_openvpn(profile: Profile, credentials_path: str) -> str:
    """Return client.ovpn: `profile`, made to fit. The endpoint is given at run time."""
    said = {line.split()[0] for line in profile.directives if line.split()}
    lines = ["# From the profile, after cleaning.", *profile.directives]
    for tag, text in profile.inline.items():
        lines += [f"<{tag}>", text.strip("\n"), f"</{tag}>"]
    lines += ["# What the profile left open."]
    # A death is noticed by the probe; this is for a server that never answered a probe.
    lines += [] if said & {"ping", "keepalive", "ping-exit"} else ["ping 10", "ping-exit 60"]
    lines += [] if "mssfix" in said else ["mssfix"]
    if profile.needs_credentials:
        lines.append(f"auth-user-pass {credentials_path}")
    return "\n".join(lines) + "\n" + _OURS


def render_credentials(credentials: tuple[str, str]) -> str:
    """Return the file for `auth-user-pass`: the user name, then the password, a line each."""
    user, password = credentials
    return f"{user}\n{password}\n"
