"""Hands and eyes on the router under test: its command line, its containers, its addresses."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from tests.containers import home

ORCHESTRATOR = "manyways-orchestrator"


class Router:
    """The router that the demo started."""

    ASSIGNMENTS: ClassVar[dict[str, str]] = {"tv": "direct", "laptop": "direct", "phone": "de"}

    def command(self, *words: str) -> home.Done:
        """Run `orchestrator WORDS`; it may fail."""
        return home.host("docker", "exec", ORCHESTRATOR, "orchestrator", *words)

    def ask(self, *words: str) -> Any:
        """Return the JSON that `orchestrator WORDS --json` prints."""
        done = self.command(*words, "--json")
        assert done.stdout, f"{words}: {done.stderr}"
        return json.loads(done.stdout)

    def status(self) -> Any:
        """Return the whole report."""
        return self.ask("status")

    def destination(self, name: str) -> Any:
        """Return the report on one destination."""
        return next(d for d in self.status()["destinations"] if d["name"] == name)

    def devices(self) -> dict[str, Any]:
        """Return {name: device}."""
        return {d["name"]: d for d in self.ask("devices")["devices"]}

    def assign(self, device: str, destination: str) -> Any:
        """Switch a device and return the receipt."""
        done = self.command("assign", device, destination, "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def wait_until_healthy(self, seconds: float = 90) -> None:
        """Wait until `orchestrator status` says that all is well."""

        def healthy() -> bool:
            done = self.command("status")
            assert done.returncode == 0, done.stdout + done.stderr
            return True

        home.wait_for("the router is healthy", healthy, seconds)

    def containers(self) -> dict[str, str]:
        """Return {name: id and start time} of every container of the router's, without its own."""
        listing = home.docker(
            *("ps", "--no-trunc", "--filter", "label=io.manyways.spec"),
            *("--format", "{{.Names}} {{.ID}}"),
        )
        pairs = (line.split() for line in listing.splitlines())
        started = "{{.State.StartedAt}}"
        return {n: i + home.docker("inspect", "-f", started, i) for n, i in pairs}

    def uplink_address(self, destination: str) -> str:
        """Return the address that an egress has on the house's network."""
        checks = {c["name"]: c for c in self.destination(destination)["checks"]}
        address: str = checks["uplink"]["message"].split("/")[0]
        assert address.startswith("192.168.178."), checks
        return address

    def pid(self, container: str) -> str:
        """Return a container's process id, to enter its namespace."""
        return home.docker("inspect", "-f", "{{.State.Pid}}", container).strip()
