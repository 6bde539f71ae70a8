"""The revision changes with what the status would say, and with nothing else."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from orchestrator import health
from orchestrator.api import make_app
from orchestrator.desired import LEASES_FILE, status_file
from orchestrator.presence import Sign
from orchestrator.runtime.clock import uptime
from orchestrator.runtime.engine import ContainerEvent
from tests.homes import WIFI
from tests.unit.orchestra import ROUTER_YAML, Orchestra

PHONE = "02:00:00:00:00:09"


@pytest.fixture
def orchestra(tmp_path: Path) -> Orchestra:
    orchestra = Orchestra(tmp_path)
    orchestra.service.up()
    _says(orchestra, "work")
    orchestra.wireless(WIFI)
    orchestra.stations({"Home": {"02:00:00:00:00:01": -50}, "Home-UK": {}})
    return orchestra


def _now(orchestra: Orchestra) -> str:
    revision: str = make_app(orchestra.service).test_client().get("/api/v1/live").json["revision"]  # type: ignore[index]
    return revision


def _says(orchestra: Orchestra, name: str, age: float = 0, **changed: object) -> None:
    status = {"uplink": {"state": "up"}, "dns": {"state": "ok"}, **changed}
    status["updated"] = uptime() - age
    orchestra.volume.write(status_file(name), json.dumps(status))


def _assigns(o: Orchestra) -> None:
    o.service.household.assign("tv", "direct")


def _pauses(o: Orchestra) -> None:
    o.service.pause("work", pause=True)


def _renames(o: Orchestra) -> None:
    o.service.household.rename("tv", "telly")


def _gets_a_lease(o: Orchestra) -> None:
    o.lease(f"{PHONE} 192.168.77.120 phone")


def _stops(o: Orchestra) -> None:
    o.gates.saw(ContainerEvent("manyways-egress-work", "die", ""))


def _sets_a_password(o: Orchestra) -> None:
    o.service.access.set_password("correct horse", "", "somebody")


def _hears_an_event(o: Orchestra) -> None:
    o.service.look_again()


def _reads_a_mistake(o: Orchestra) -> None:
    o.configure(ROUTER_YAML + "nonsense: true\n")
    o.reconciler.reload()


def _fails(o: Orchestra) -> None:
    _says(o, "work", dns={"state": "failing", "message": "no answer"})


def _has_been_silent(o: Orchestra) -> None:
    _says(o, "work", age=health.STALE_SECONDS + 1)


def _joins(o: Orchestra) -> None:
    o.stations({"Home": {"02:00:00:00:00:01": -50, "02:00:00:00:00:07": -70}, "Home-UK": {}})


def _moves(o: Orchestra) -> None:
    o.stations({"Home": {}, "Home-UK": {"02:00:00:00:00:01": -50}})


def _leaves(o: Orchestra) -> None:
    o.stations({"Home": {}, "Home-UK": {}})


def _loses_its_radio(o: Orchestra) -> None:
    o.stations({"Home": {"02:00:00:00:00:01": -50}}, state="waiting")


def _says_nothing_of_wifi(o: Orchestra) -> None:
    o.stations({"Home": {"02:00:00:00:00:01": -50}}, age=61)


@pytest.mark.parametrize(
    "happens",
    [
        _joins, _moves, _leaves, _loses_its_radio, _says_nothing_of_wifi,
        _assigns, _pauses, _renames, _gets_a_lease, _stops, _hears_an_event, _reads_a_mistake,
        _fails, _has_been_silent, _sets_a_password,
    ],
)  # fmt: skip
def test_it_changes_with_what_a_person_would_see(orchestra: Orchestra, happens: object) -> None:
    before = _now(orchestra)
    assert callable(happens)
    happens(orchestra)
    after = _now(orchestra)
    assert after != before
    assert _now(orchestra) == after


def test_who_comes_and_who_goes_is_news(orchestra: Orchestra) -> None:
    orchestra.lease(f"{PHONE} 192.168.77.120 phone")
    orchestra.reconciler.take_in_leases()
    seen = []
    for sign in (Sign(heard=uptime()), Sign(heard=uptime() - 60, asked=uptime() - 60), Sign()):
        orchestra.neighbours.told[PHONE] = sign
        seen.append(_now(orchestra))
    assert seen[0] != seen[1] != seen[2]
    orchestra.neighbours.told[PHONE] = Sign(heard=uptime() - 1)
    assert _now(orchestra) == seen[0], "it was heard again, and is as much here as before"


def test_it_stays_while_nothing_but_the_time_changes(orchestra: Orchestra) -> None:
    orchestra.lease(f"{PHONE} 192.168.77.120 phone")
    before = _now(orchestra)
    orchestra.reconciler.converge()
    before = _now(orchestra)
    for age in (10, 5, 0):
        _says(orchestra, "work", age=age)
        assert _now(orchestra) == before, "an egress that says the same again"
    orchestra.stations({"Home": {"02:00:00:00:00:01": -70}, "Home-UK": {}})
    assert _now(orchestra) == before, "a station that is heard less well"
    leases = orchestra.volume.read(LEASES_FILE)
    assert leases
    orchestra.volume.write(LEASES_FILE, leases.replace("2000000000", "2000003600"))
    assert _now(orchestra) == before, "a lease that was renewed"
    orchestra.reconciler.converge()
    assert _now(orchestra) == before


def test_a_silent_egress_is_news_without_any_file(orchestra: Orchestra) -> None:
    _says(orchestra, "work", age=health.STALE_SECONDS - 0.5)
    before = _now(orchestra)
    deadline = time.monotonic() + 5
    while _now(orchestra) == before:
        assert time.monotonic() < deadline
        time.sleep(0.01)
