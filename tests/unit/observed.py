"""What would be there after a plan was carried out, for tests of the next one."""

from __future__ import annotations

from orchestrator.model import DesiredState, ObservedContainer, ObservedNetwork, ObservedState
from orchestrator.plan import digest, make_plan


def all_of(desired: DesiredState) -> ObservedState:
    """Return what is there when all of `desired` is."""
    creations = make_plan(desired, ObservedState()).actions
    return ObservedState(
        networks=tuple(ObservedNetwork(n.name, digest(n)) for n in desired.networks),
        containers=tuple(
            ObservedContainer(
                c.name, digest(c), True, tuple(leg.network for leg in (*c.legs, *c.hot_legs))
            )
            for c in desired.containers
        ),
        files={f.path: f.content for f in desired.files},
        directories=frozenset(desired.directories),
        told={a.target: a.told for a in creations if a.told is not None},
    )
