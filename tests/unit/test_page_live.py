"""What flows, as numbers and pictures: units, geometry and order."""

from __future__ import annotations

import re

import pytest

from orchestrator.client import History, Live, Speed, Status
from tests.web.reports import LAPTOP, PHONE, TV, healthy
from webui.present import live as present

pytestmark = pytest.mark.unit


def _flow(down: float, up: float = 0.0) -> Speed:
    return {"down": down, "up": up}


def _points(path: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"([\d.]+),([\d.]+)", path)]


def _page(
    devices: dict[str, list[Speed]], ways: dict[str, list[Speed]] | None = None
) -> present.LivePage:
    past: History = {"devices": devices, "destinations": ways or {}}
    now: Live = {
        "at": 1.0,
        "revision": "1",
        "devices": {mac: flows[-1] for mac, flows in devices.items()},
        "destinations": {name: flows[-1] for name, flows in past["destinations"].items()},
    }
    return present.page(_status(), now, past)


def _status() -> Status:
    return healthy()


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        (0, "0 kB/s"),
        (0.4, "0 kB/s"),
        (120, "<1 kB/s"),
        (1000, "1 kB/s"),
        (340_400, "340 kB/s"),
        (1_000_000, "1.0 MB/s"),
        (9_949_999, "9.9 MB/s"),
        (9_950_000, "10 MB/s"),
        (112_300_000, "112 MB/s"),
    ],
)
def test_speeds_are_said_in_units_that_people_know(amount: float, said: str) -> None:
    assert present.speed(amount) == said


def test_the_total_is_said_as_providers_advertise_it() -> None:
    assert present.megabits(_flow(3_000_000, 125_000)) == "25.0 Mbit/s"


def test_a_picture_spans_two_minutes_and_its_height() -> None:
    made = present.picture([_flow(100_000)] * 119 + [_flow(200_000)])
    corner, *curve = _points(made.down)
    assert corner == (0.0, float(present.HEIGHT))
    assert [x for x, _ in curve] == list(range(0, present.WIDTH + 1, present.STEP))
    assert curve[-1] == (float(present.WIDTH), 1.0)
    assert curve[0][1] == pytest.approx(24, abs=0.1)


def test_a_short_past_ends_where_now_is() -> None:
    made = present.picture([_flow(60_000), _flow(60_000)])
    assert [x for x, _ in _points(made.up)] == [present.WIDTH - present.STEP, present.WIDTH]


def test_an_older_past_than_two_minutes_is_left_out() -> None:
    made = present.picture([_flow(9e9)] * 50 + [_flow(60_000)] * present.SAMPLES)
    assert len(_points(made.up)) == present.SAMPLES
    assert made.words == "The last two minutes: at most 60 kB/s down and 0 kB/s up"


def test_whispers_stay_small_in_the_picture() -> None:
    made = present.picture([_flow(500)] * 10)
    assert min(y for _, y in _points(made.down)) > present.HEIGHT - 3


def test_without_a_past_there_is_an_empty_picture() -> None:
    made = present.picture([])
    assert made.down == made.up == ""


def test_the_biggest_come_first_and_the_quiet_are_apart() -> None:
    page = _page({LAPTOP: [_flow(10_000)], TV: [_flow(5_000_000, 90_000)], PHONE: [_flow(20)]})
    assert [row.name for row in page.devices] == ["tv", "laptop"]
    assert [row.name for row in page.quiet] == ["phone"]
    assert (page.devices[0].down, page.devices[0].up) == ("5.0 MB/s", "90 kB/s")


def test_a_pause_of_a_second_does_not_change_the_order() -> None:
    page = _page({TV: [_flow(3e6)] * 9 + [_flow(0)], LAPTOP: [_flow(200_000)] * 10})
    assert [row.name for row in page.devices] == ["tv", "laptop"]
    assert page.devices[0].down == "0 kB/s"


def test_the_home_has_what_its_ways_have_together() -> None:
    page = _page({}, {"uk": [_flow(1e6), _flow(2e6, 5e3)], "direct": [_flow(4e6)]})
    assert (page.home.down, page.home.up) == ("6.0 MB/s", "5 kB/s")
    assert page.home.picture.words == "The last two minutes: at most 6.0 MB/s down and 5 kB/s up"
    assert [row.name for row in page.destinations] == ["direct", "uk", "de"]
