"""What the engine's list says of a container."""

from __future__ import annotations

import pytest

from orchestrator.runtime.engine import _observed_container


@pytest.mark.parametrize(
    ("networks", "legs"),
    [
        ({"none": {}}, ()),
        ({"host": {}}, ()),
        ({"manyways-transit-uk": {}, "manyways-lan": {}}, ("manyways-lan", "manyways-transit-uk")),
    ],
)
def test_no_network_is_no_leg(networks: dict[str, object], legs: tuple[str, ...]) -> None:
    item = {
        "Names": ["/1234_manyways-porter", "/manyways-porter"],
        "State": "running",
        "NetworkSettings": {"Networks": networks},
    }
    found = _observed_container(item)
    assert (found.name, found.running, found.networks) == ("manyways-porter", True, legs)
