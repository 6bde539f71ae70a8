"""What the search for leaks once found on the living router, each failure by its name."""

from __future__ import annotations

import pytest

from tests.containers import home
from tests.containers.device import Programs
from tests.containers.router import Router


@pytest.mark.parametrize("container", ["manyways-router", "manyways-egress-direct"])
def test_a_steady_flow_outlives_a_restart(
    router: Router, programs: Programs, container: str
) -> None:
    """Docker gives the new container its legs before its settings; what passes then is forgotten.

    The kernel went on to treat such a flow as in that moment, without address translation, for as
    long as the device sent: calls and games that keep their socket were silent for ever.
    """
    stream = programs.start("tv", "datagrams", "0.002")
    stream.wait_for("answer")
    home.docker("restart", "--time", "2", container)
    seen = len(stream.lines)
    stream.wait_for("answer", 20, since=seen)
    # The last answer of before may still have been on its way.
    seen = len(stream.lines)
    stream.wait_for("answer", 5, since=seen)
