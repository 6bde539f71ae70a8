"""Two devices with different destinations find and reach each other, and no egress hears of it."""

from __future__ import annotations

import contextlib
import re

from tests.containers import frames, home
from tests.containers.addresses import lan_leg
from tests.containers.device import Programs
from tests.containers.router import Router

CAST = f"port 5353 or port 1900 or port 8009 or port {frames.MARKER}"


def test_casting_between_destinations(router: Router, programs: Programs) -> None:
    router.assign("tv", "uk")
    assert router.devices()["laptop"]["destination"] == "direct"
    tv = home.address("tv")
    pids = {d: router.pid(f"manyways-egress-{d}") for d in ("direct", "uk", "de")}
    with contextlib.ExitStack() as stack:
        egresses = {
            d: stack.enter_context(home.Capture("any", CAST, pid=pid)) for d, pid in pids.items()
        }
        inside = stack.enter_context(home.Capture("any", CAST, pid=router.pid("manyways-router")))
        port = stack.enter_context(home.Capture("mwh-lan0", CAST))
        programs.start("tv", "cast", "serve").wait_for("serving")
        looker = programs.start("laptop", "cast", "look", tv)
        for word in (f"mdns from {tv}", f"ssdp from {tv}", "stream play"):
            looker.wait_for(word, 15)
        for device, destination in (("laptop", "direct"), ("tv", "uk"), ("phone", "de")):
            frames.send_marker(device)
            seen = egresses[destination]
            home.wait_for("the marker", lambda s=seen: any(map(_is_marker, s.lines())), 10)  # type: ignore[misc]
            assert [line for line in seen.lines() if not _is_marker(line)] == []
        # What is for everybody comes as far as the LAN port; the router passes none of it on.
        for group in ("224.0.0.251.5353: ", "239.255.255.250.1900: "):
            assert any(f"> {group}" in line for line in port.lines()), group
        lan = lan_leg()
        heard = [line for line in inside.lines() if not _is_marker(line)]
        assert [x for x in heard if not re.match(rf"{lan} +(?:In|M|B) ", x)] == []
        assert any(_is_marker(line) for line in inside.lines())


def _is_marker(line: str) -> bool:
    return f".{frames.MARKER} >" in line
