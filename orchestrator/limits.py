"""How much each service may take, and how Docker asks whether it does its work."""

from __future__ import annotations

from orchestrator.model import Bounds

# Each may take several times what it was seen to take (docs/architecture.md). When memory runs out,
# what carries packets ends last: the page and even the orchestrator can be missed for a while.
# None is below 0: an engine without CAP_SYS_RESOURCE (rootless, in a container) could not start it.
BOUNDS = {
    "router": Bounds(memory=96, processes=64, expendable=0),
    "dhcp": Bounds(memory=96, processes=64, expendable=0),
    "egress": Bounds(memory=128, processes=64, expendable=0),
    "hostapd": Bounds(memory=96, processes=64, expendable=0),
    "porter": Bounds(memory=96, processes=64, expendable=0),
    "webui": Bounds(memory=192, processes=64, expendable=500),
}
# Cheap, as Docker starts a process for each: of a shell's own words and small programs only.
_RECENT = "find /run/manyways/status.json -mmin -2 | grep -q ."
HEALTH = {
    "router": "nft list set inet manyways shut >/dev/null",
    # Both servers listen: ports 67 and 53 in the kernel's own writing.
    "dhcp": "grep -q ':0043 ' /proc/net/udp && grep -q ':0035 ' /proc/net/udp",
    "egress": _RECENT,
    "hostapd": "python3 -m accesspoint.health",
    "porter": "find /var/lib/manyways/status.json -mmin -2 | grep -q .",
    "webui": "bash -c '</dev/tcp/127.0.0.1/80'",
}
