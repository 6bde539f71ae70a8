"""What an open page costs the router: CPU of orchestrator and page, with 30 devices that are busy.

    python -m tests.bench.page_cost [--seconds 60]

Needs the demo (`make demo`). The numbers are those of this machine; a Pi 3's core is several times
slower. Every device asks for a small file again and again, so that all counters move.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
from pathlib import Path

from tests.containers import home
from tests.containers.browser import browsers
from tests.containers.router import ORCHESTRATOR, Router

DEVICES = 30
_TICKS = os.sysconf("SC_CLK_TCK")
_BUSY = "while :; do curl -s -o /dev/null --max-time 5 http://198.51.100.80/ip; sleep 0.5; done"


def cpu_seconds(container: str) -> float:
    """Return the CPU time that all processes of a container have used since their start (s)."""
    listing = home.docker("top", container, "-eo", "pid").split()[1:]
    total = 0
    for pid in listing:
        with contextlib.suppress(FileNotFoundError):
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
    return total / _TICKS


def measure(what: str, seconds: float) -> None:
    """Print the share of one core that each of the two containers uses for `seconds`."""
    names = (ORCHESTRATOR, "manyways-webui")
    before, started = [cpu_seconds(name) for name in names], time.monotonic()
    time.sleep(seconds)
    took = time.monotonic() - started
    shares = [100 * (cpu_seconds(n) - b) / took for n, b in zip(names, before, strict=True)]
    said = ", ".join(
        f"{n.removeprefix('manyways-')} {s:.2f} %" for n, s in zip(names, shares, strict=True)
    )
    sys.stdout.write(f"{what:24} {sum(shares):.2f} % of a core ({said})\n")
    sys.stdout.flush()


def _guests(stack: contextlib.ExitStack, router: Router) -> None:
    for number in range(DEVICES - len(router.devices())):
        mac = f"02:4d:59:00:00:{number:02x}"
        environment = ("--env", "CLIENT=udhcpc", "--env", f"MAC_LAN={mac}")
        options = ("--mac-address", mac, "--hostname", f"guest{number}", *environment)
        guest = home.guest("home-lan", *options, command=("/opt/home/device",))
        home.docker("exec", "--detach", stack.enter_context(guest), "sh", "-c", _BUSY)
    home.wait_for("all devices are known", lambda: len(router.devices()) >= DEVICES, 120)


def main() -> None:
    """Measure with no page open, then with each view open on one device."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    seconds = parser.parse_args().seconds
    router = Router()
    with contextlib.ExitStack() as stack:
        _guests(stack, router)
        time.sleep(20)  # all of them have their leases and their names
        measure("no page open", seconds)
        with browsers() as running:
            for view in ("", "live", "destinations", "activity"):
                page = running.open("laptop", f"http://manyways.lan/{view}")
                time.sleep(5)
                measure(f"/{view}", seconds)
                page.close()
        time.sleep(15)
        measure("after it was closed", seconds)


if __name__ == "__main__":
    main()
