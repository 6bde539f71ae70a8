"""Ask the kernel what it can do, in a network namespace that ends with the question.

It may load modules for the answer, which is what it would do for the router.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from orchestrator.doctor.kernel import PIECES
from orchestrator.doctor.machine import NotSeen
from orchestrator.runtime.conntrack import Conntrack
from orchestrator.runtime.machine.files import Tree

_CLONE_NEWNET = 0x40000000
_TABLE = 100


def pieces(tree: Tree) -> Mapping[str, str]:
    """Return why each piece of the kernel is missing, or "" for one that is there.

    Raises NotSeen when this process may not make a namespace.
    """
    has_tun = "tun" in (tree.text("/proc/misc") or "").split() or "tun" in tree.names("/dev/net")
    # A thread of its own: the namespace lasts as long as the thread that made it.
    with ThreadPoolExecutor(1, thread_name_prefix="kernel") as thread:
        found = thread.submit(_ask).result()
    return {"tun": "" if has_tun else "there is no /dev/net/tun", **found}


def _ask() -> dict[str, str]:
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNET) != 0:
        raise NotSeen(f"no namespace to try it in: {os.strerror(ctypes.get_errno())}")
    tries: dict[str, Callable[[], None]] = {
        "veth": _veth,
        "bridge": _bridge,
        "macvlan": _macvlan,
        "policy routing": _policy,
        "conntrack over netlink": _conntrack,
    }
    found = {name: _why(attempt) for name, attempt in tries.items()}
    nft = _nft()
    found.update({piece.name: _refused(nft, piece.rules) for piece in PIECES if piece.rules})
    return found


def _why(attempt: Callable[[], None]) -> str:
    try:
        attempt()
    except NetlinkError as error:
        return os.strerror(error.code)
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _veth() -> None:
    with IPRoute() as route:
        route.link("add", ifname="probe0", kind="veth", peer={"ifname": "probe1"})


def _bridge() -> None:
    with IPRoute() as route:
        route.link("add", ifname="probe2", kind="bridge")


def _macvlan() -> None:
    # On the veth: without that there is nothing to put it on, and that is said already.
    with IPRoute() as route:
        parent = (route.link_lookup(ifname="probe0") or [1])[0]
        route.link("add", ifname="probe3", kind="macvlan", link=parent, macvlan_mode="bridge")


def _policy() -> None:
    with IPRoute() as route:
        route.rule("add", priority=_TABLE, fwmark=1, table=_TABLE)


def _conntrack() -> None:
    connections = Conntrack()
    try:
        connections.flows(1)
    finally:
        connections.close()


def _nft() -> Any:
    from nftables import Nftables  # type: ignore[import-not-found,unused-ignore]

    return Nftables()


def _refused(nft: Any, rules: str) -> str:
    code, _, error = nft.cmd(rules)
    if code != 0:
        lines = error.strip().splitlines() or [f"nft returned {code}"]
        return str(lines[0].rpartition("Error: ")[2])
    nft.cmd("flush ruleset")
    return ""
