"""The leg of a leak test's probe, on a port where the one of the last run may still be."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

import pytest

from orchestrator.runtime import host
from orchestrator.runtime.namespace import NamespaceThread
from orchestrator.runtime.probe import LEG, Probe, ProbeFailed
from tests.netns.world import Space

MAC = "02:00:00:00:00:77"


@pytest.fixture
def probe(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Space, Space]]:
    """The host with its port `port`, and the probe's namespace."""
    with contextlib.ExitStack() as stack:
        machine, inside = (Space(name) for name in ("machine", "probe"))
        thread = NamespaceThread(machine.pid)
        for close in (machine.close, inside.close, thread.close):
            stack.callback(close)
        monkeypatch.setattr(host, "in_host_namespace", thread.run)
        machine.run("ip link add port type veth peer name far")
        machine.run("ip link set port up")
        yield machine, inside


def _joining(inside: Space, action: Callable[[Probe], None]) -> None:
    with contextlib.closing(Probe(inside.pid)) as joining:
        action(joining)


def test_the_leg_of_an_ended_probe_is_waited_for(probe: tuple[Space, Space]) -> None:
    machine, inside = probe
    machine.run(f"ip link add link port name ended address {MAC} type macvlan mode bridge")
    machine.run("ip link set ended up")
    leaves = threading.Timer(0.5, machine.run, ["ip link del ended"])
    leaves.start()
    _joining(inside, lambda joining: joining.join("port", MAC))
    leaves.join()
    assert f"link/ether {MAC}" in inside.run(f"ip link show up dev {LEG}")


def test_a_leg_that_cannot_be_is_said_at_once(probe: tuple[Space, Space]) -> None:
    _, inside = probe
    with pytest.raises(ProbeFailed, match="no leg on elsewhere for the probe"):
        _joining(inside, lambda joining: joining.join("elsewhere", MAC))
