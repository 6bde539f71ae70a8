"""What flows now, as rows with a small picture of the last two minutes each.

Pure. The pictures are paths of SVG: the page's policy forbids styles in its elements, and paths
need none. static/live.js draws the same paths from the same numbers each second.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.client import History, Live, Speed, Status
from webui.present.common import Symbol, symbol
from webui.texts import texts

SAMPLES = 120  # one a second
STEP = 2  # units of the picture for a sample
WIDTH, HEIGHT = STEP * (SAMPLES - 1), 48
LEAST_TOP = 50_000.0  # bytes a second that fill the picture at least: whispers stay small
IDLE_BELOW = 100.0  # bytes a second, on average: a device that keeps its connections open
SILENCE: Speed = {"down": 0.0, "up": 0.0}
RECENT = 10  # samples, by which rows are ordered, so that they do not jump each second


@dataclass(frozen=True, slots=True)
class Picture:
    """The last two minutes: an area for what came, a line for what went."""

    down: str
    up: str
    words: str


@dataclass(frozen=True, slots=True)
class Row:
    """A device, a destination or the whole home, and what flows there."""

    key: str  # "device:MAC", "destination:NAME" or "home"; the script knows the row by it
    id: str
    name: str
    symbol: Symbol | None  # of a destination
    kind: str  # of a device
    down: str
    up: str
    megabits: str
    picture: Picture


@dataclass(frozen=True, slots=True)
class LivePage:
    """Everything that the view shows; who is quiet is folded away."""

    home: Row
    destinations: tuple[Row, ...]
    devices: tuple[Row, ...]
    quiet: tuple[Row, ...]


def page(status: Status, live: Live, history: History) -> LivePage:
    """The view for one second."""
    rows = [
        _row(_Source(f"device:{d['mac']}", d["title"], kind=d["kind"]), *_flow(d["mac"], *devices))
        for devices in [(live["devices"], history["devices"])]
        for d in status["devices"]
    ]
    ways = [
        _row(_Source(f"destination:{d['name']}", d["title"], symbol(d)), *_flow(d["name"], *flows))
        for flows in [(live["destinations"], history["destinations"])]
        for d in status["destinations"]
    ]
    _, home = _row(_Source("home", texts()("live.home")), *_total(live, history))
    quiet = sorted((row for busy, row in rows if busy < IDLE_BELOW), key=lambda r: r.name.lower())
    return LivePage(
        home=home,
        destinations=_biggest_first(ways),
        devices=_biggest_first(row for row in rows if row[0] >= IDLE_BELOW),
        quiet=tuple(quiet),
    )


def speed(amount: float) -> str:
    """Bytes a second in units that people know."""
    if amount < 1:
        return "0 kB/s"
    if amount < 1000:
        return "<1 kB/s"
    if amount < 1_000_000:
        return f"{amount / 1000:.0f} kB/s"
    return f"{amount / 1e6:.1f} MB/s" if amount < 9_950_000 else f"{amount / 1e6:.0f} MB/s"


def megabits(flow: Speed) -> str:
    """Both ways together as providers advertise it."""
    return f"{(flow['down'] + flow['up']) * 8 / 1e6:.1f} Mbit/s"


def picture(samples: Sequence[Speed]) -> Picture:
    """Draw the last two minutes; a shorter past ends at the right, where now is."""
    recent = samples[-SAMPLES:]
    down, up = [s["down"] for s in recent], [s["up"] for s in recent]
    top = max(LEAST_TOP, *down, *up) if recent else LEAST_TOP
    line = _line(down, top)
    area = f"M{_x(0, len(recent))},{HEIGHT}L{line}V{HEIGHT}Z" if line else ""
    words = texts()("live.picture", down=speed(max(down, default=0)), up=speed(max(up, default=0)))
    return Picture(area, f"M{_line(up, top)}" if line else "", words)


def _line(values: Sequence[float], top: float) -> str:
    points = (
        f"{_x(index, len(values))},{HEIGHT - 1 - value / top * (HEIGHT - 2):.1f}"
        for index, value in enumerate(values)
    )
    return " ".join(points)


def _x(index: int, count: int) -> int:
    return STEP * (index + SAMPLES - count)


@dataclass(frozen=True, slots=True)
class _Source:
    key: str
    name: str
    symbol: Symbol | None = None
    kind: str = ""


def _row(source: _Source, now: Speed, past: Sequence[Speed]) -> tuple[float, Row]:
    """A row, and by how much it is ordered."""
    recent = [s["down"] + s["up"] for s in past[-RECENT:]] or [now["down"] + now["up"]]
    return sum(recent) / len(recent), Row(
        key=source.key,
        id="flow-" + source.key.replace(":", "-"),
        name=source.name,
        symbol=source.symbol,
        kind=source.kind,
        down=speed(now["down"]),
        up=speed(now["up"]),
        megabits=megabits(now),
        picture=picture(past),
    )


def _biggest_first(rows: Iterable[tuple[float, Row]]) -> tuple[Row, ...]:
    ordered = sorted(rows, key=lambda row: (-round(row[0]), row[1].name.lower()))
    return tuple(row for _, row in ordered)


def _flow(
    name: str, now: Mapping[str, Speed], past: Mapping[str, list[Speed]]
) -> tuple[Speed, list[Speed]]:
    return now.get(name, SILENCE), past.get(name, [])


def _total(live: Live, history: History) -> tuple[Speed, list[Speed]]:
    """The home's, which is what its destinations have together."""
    pasts = list(history["destinations"].values())
    length = max(map(len, pasts), default=0)
    ages = range(-length, 0)
    past = [_sum(past[age] for past in pasts if len(past) >= -age) for age in ages]
    return _sum(live["destinations"].values()), past


def _sum(flows: Iterable[Speed]) -> Speed:
    kept = list(flows)
    return {"down": sum(f["down"] for f in kept), "up": sum(f["up"] for f in kept)}
