"""Starting the simulated home and the router, with every wait bounded and explained."""

import json
import os
import shutil
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ownership
import provisions
import segments
from engine import DemoError, attempt, identifiers, inspect, long_run

PAGE = ("127.0.0.1", 8080)
PAGE_URL = "http://127.0.0.1:8080/"
PUBLIC = {"direct": "198.51.100.2", "uk": "198.51.100.10", "de": "198.51.100.20"}


def start_home(repository: Path, demo: Path) -> None:
    """Build the home's image, lay the wires, make the keys and start the home's containers.

    Harmless when it runs already. Raises DemoError.
    """
    check_host()
    demo.mkdir(mode=0o700, exist_ok=True)
    images = repository / "images"
    long_run(
        "building the image of the simulated home",
        (
            *("docker", "build", "--tag", provisions.IMAGE),
            *("--file", str(images / "home" / "Dockerfile"), str(images)),
        ),
        demo / "home-build.log",
        timeout=900,
    )
    try:
        fresh = bool(segments.connect())
    except segments.WireError as error:
        raise DemoError(str(error)) from None
    provisions.provide(demo)
    # Containers that lost their interfaces together with old wires do not find new ones.
    recreate = ("--force-recreate",) if fresh and _home_containers() else ()
    long_run(
        "starting the simulated home",
        (
            *("docker", "compose", "--file", str(repository / "compose" / "home.yaml")),
            *("up", "--detach", "--remove-orphans", *recreate),
        ),
        demo / "home-up.log",
        timeout=180,
        environment={**os.environ, "MANYWAYS_DEMO": str(demo)},
    )
    wait_for("the simulated home", _home_missing, 90, "docker ps --all; docker logs home-NAME")


def check_host() -> None:
    """Raise DemoError unless this machine can hold the demo."""
    if os.geteuid() != 0:
        raise DemoError("making network interfaces needs root: run it with sudo")
    if shutil.which("ip") is None:
        raise DemoError("the command `ip` is missing: apt-get install iproute2")
    outcome = attempt("version", "--format", "{{.Server.Version}}")
    if outcome.returncode != 0:
        said = outcome.stderr.strip()
        raise DemoError(f"Docker does not answer ({said}); `make setup` starts it")
    if not Path("/dev/net/tun").exists():
        raise DemoError("/dev/net/tun is missing, and OpenVPN needs it: modprobe tun")
    if not inspect("container", "home-forwarder"):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(PAGE)
            except OSError as error:
                raise DemoError(
                    f"the page would be at {PAGE_URL}, but that port is taken: {error.strerror}"
                ) from None


def start_router(repository: Path, demo: Path) -> None:
    """Start the router from the repository's compose entry, with the demo's configuration."""
    ownership.claim(demo)
    long_run(
        "building and starting the router (the first time takes minutes)",
        ("docker", "compose", "up", "--detach", "--build"),
        demo / "router-up.log",
        timeout=1500,
        environment={
            "MANYWAYS_BUILD_CA": os.environ.get("SSL_CERT_FILE", ""),  # as the Makefile says
            **os.environ,
            "MANYWAYS_CONFIG": str(demo / "config"),
        },
        directory=repository,
    )
    orchestrator = ownership.ORCHESTRATOR
    look = f"docker exec {orchestrator} orchestrator status; docker logs {orchestrator}"
    wait_for("the router", router_missing, 180, look)
    wait_for("the devices", devices_missing, 90, look + "; docker logs home-tv")
    wait_for("the page", page_missing, 60, "docker logs home-forwarder")


def wait_for(what: str, missing: Callable[[], list[str]], seconds: float, look: str) -> None:
    """Wait until `missing()` is empty, and print what it says whenever that changes.

    Raises DemoError after `seconds`, naming what is not ready and the commands that show more.
    """
    deadline = time.monotonic() + seconds
    said: list[str] = []
    while absent := missing():
        if absent != said:
            print(f"waiting for {what}: {'; '.join(absent)}", flush=True)
            said = absent
        if time.monotonic() > deadline:
            raise DemoError(
                f"{what}: not ready after {seconds:.0f} s: {'; '.join(absent)}\nlook: {look}"
            )
        time.sleep(1)


def _home_containers() -> list[str]:
    return identifiers("container", "com.docker.compose.project=manyways-home")


def _home_missing() -> list[str]:
    """Return the name and state of each container of the home that is not ready."""
    absent = []
    for container in inspect("container", *_home_containers()):
        state = container["State"]
        if state["Status"] != "running" or state["Health"]["Status"] != "healthy":
            name = container["Name"].lstrip("/")
            absent.append(f"{name} ({state['Status']}, {state['Health']['Status']})")
    return sorted(absent)


def router_status() -> dict[str, Any] | None:
    """Return what `orchestrator status --json` says; None when it does not answer yet."""
    outcome = attempt("exec", ownership.ORCHESTRATOR, "orchestrator", "status", "--json")
    try:
        status = json.loads(outcome.stdout)
    except json.JSONDecodeError:
        return None
    return status if isinstance(status, dict) and "devices" in status else None


def router_missing() -> list[str]:
    """Return one line for each part of the router that is not well."""
    status = router_status()
    if status is None:
        return ["the orchestrator does not answer yet"]
    if status["state"] == "healthy":
        return []
    absent = [f"configuration: {line}" for line in status["config"]["errors"]]
    for kind in ("services", "destinations"):
        absent += [
            f"{part['name']} {part['state']}" + (f" ({part['message']})" if part["message"] else "")
            for part in status[kind]
            if part["state"] != "ok"
        ]
    return absent or ["its state is still degraded"]


def devices_missing() -> list[str]:
    """Return one line for each device that is not seen with its destination's address.

    A device that is refused on purpose, as on a paused destination, is not missing.
    """
    refused = {d["name"] for d in _devices() if d["state"] == "rejected"}
    return [
        f"{row[0]} by {row[1]} is seen as {row[2] or 'nothing'}"
        for row in device_rows()
        if row[0] not in refused and row[2] != PUBLIC.get(row[1], row[2] or "an address")
    ]


def _devices() -> list[dict[str, Any]]:
    status = router_status() or {"devices": []}
    devices: list[dict[str, Any]] = status["devices"]
    return devices


def device_rows() -> list[tuple[str, str, str]]:
    """Return (device, destination, public address it is seen with or "") for the home's three."""
    destinations = {device["name"]: device["destination"] for device in _devices()}
    return [
        (name, destinations.get(name, "(unknown to the router)"), _seen(name))
        for name in ("tv", "laptop", "phone")
    ]


def _seen(device: str) -> str:
    outcome = attempt(
        "exec", f"home-{device}", "curl", "--silent", "--max-time", "3", "http://198.51.100.80/ip"
    )
    return outcome.stdout.strip() if outcome.returncode == 0 else ""


def page_missing() -> list[str]:
    """Return a line about the page unless the host's browser would get it."""
    try:
        with urllib.request.urlopen(PAGE_URL, timeout=5):
            return []
    except urllib.error.HTTPError as error:
        return [f"{PAGE_URL} answers {error.code} {error.reason}"]
    except OSError as error:
        return [f"{PAGE_URL}: {error}"]
