"""Who goes where: the devices in groups as people think of them, and what each can choose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import get_args

from orchestrator.client import Destination, Device, DeviceKind, Receipt, Status
from webui.present import common
from webui.present.common import TONES, Symbol, Tone, as_sentence, device_id, end, way_id
from webui.present.overall import alerts, headline
from webui.present.plain import plain
from webui.present.wifi import signal
from webui.texts import texts

KINDS: tuple[DeviceKind, ...] = get_args(DeviceKind)
_GROUPS = {
    "phones": ("phone", "tablet", "watch"),
    "computers": ("computer", "printer"),
    "tv": ("tv", "speaker"),
    "games": ("console",),
    "things": ("camera", "thing", "unknown"),
}
_GROUP_OF = {kind: group for group, kinds in _GROUPS.items() for kind in kinds}


@dataclass(frozen=True, slots=True)
class Choice:
    """One destination as a device can pick it."""

    name: str
    title: str
    symbol: Symbol
    state: str
    tone: Tone
    word: str
    note: str


@dataclass(frozen=True, slots=True)
class Row:
    """One device; `ref` is what the control API knows it by."""

    ref: str
    id: str
    title: str
    kind: str
    kind_word: str
    line: tuple[str, ...]
    address: str
    maker: str
    private: bool
    online: bool
    new: bool
    name: str
    way: Choice | None  # None: it has none, or one that is gone
    destination: str
    until: str  # a timed switch, for the script ...
    back_to: str
    until_pattern: str  # ... its sentence with "{time}" in it ...
    until_text: str  # ... and with the time where the router is
    trouble: str
    why: str  # the element that explains the trouble
    tone: Tone
    receipt: str
    can_undo: bool
    maybe: tuple[tuple[str, str], ...]  # address and title of the devices that it may be
    refused: tuple[str, ...]
    ssid: str  # the Wi-Fi network that it is on, or empty
    signal: str  # how well it is heard there, in a word ...
    dbm: str  # ... and as it was measured


@dataclass(frozen=True, slots=True)
class Group:
    """Devices under one heading."""

    id: str
    title: str
    rows: tuple[Row, ...]

    @property
    def weight(self) -> int:
        """About how much room it takes, in rows."""
        asks = 3 if self.id == "new" else 0
        return 1 + sum(1 + asks + bool(row.trouble) + bool(row.until) for row in self.rows)


@dataclass(frozen=True, slots=True)
class Home:
    """Everything on the page of the devices."""

    tone: Tone
    headline: str
    alerts: tuple[str, ...]
    notes: tuple[str, ...]
    chosen: str  # settings that the router chose by itself
    well: str  # of the device that looks at the page, when it is well
    groups: tuple[Group, ...]  # first the device that looks, then the new ones
    columns: tuple[tuple[Group, ...], ...]  # the same, for where there is room for two
    away: Group
    ways: tuple[Choice, ...]
    default: str
    version: str

    @property
    def empty(self) -> bool:
        return not (self.groups or self.away.rows)


def home(status: Status, now: datetime, mine: str = "") -> Home:
    """The page for one report; `now` is an aware time, `mine` the MAC address of who looks."""
    problems = alerts(status)
    tone, said = headline(status, problems)
    ways = {d["name"]: choice(d) for d in status["destinations"]}
    devices = sorted(status["devices"], key=lambda d: (d["title"].lower(), d["mac"]))
    own = [d for d in devices if d["mac"] == mine]
    rest = [d for d in devices if d["mac"] != mine]
    here = {
        "mine": own,
        "new": [d for d in rest if d["online"] and d["new"]],
        **_by_kind([d for d in rest if d["online"] and not d["new"]]),
    }

    def group(name: str, found: Sequence[Device]) -> Group:
        rows = tuple(row(device, ways, now) for device in found)
        return Group(name, texts()(f"groups.{name}"), rows)

    groups = tuple(group(name, found) for name, found in here.items() if found)
    return Home(
        tone=tone,
        headline=said,
        alerts=problems,
        notes=tuple(status["config"]["notes"]),
        chosen=as_sentence(status["config"]["chosen"]),
        well=_well(own[0], ways) if own else "",
        groups=groups,
        columns=_columns(groups),
        away=group("away", [d for d in rest if not d["online"]]),
        ways=tuple(ways[d["name"]] for d in status["destinations"] if d["offered"]),
        default=next(
            (d["title"] for d in status["destinations"]
             if d["name"] == status["default_destination"]), "",
        ),
        version=status["version"],
    )  # fmt: skip


def _by_kind(devices: Sequence[Device]) -> dict[str, list[Device]]:
    found: dict[str, list[Device]] = {group: [] for group in _GROUPS}
    for device in devices:
        found[_GROUP_OF.get(device["kind"], "things")].append(device)
    return found


def _columns(groups: Sequence[Group]) -> tuple[tuple[Group, ...], ...]:
    """The groups in their order, cut where both parts are about as long."""
    left: list[Group] = []
    half = sum(group.weight for group in groups) / 2
    for group in groups:
        if sum(g.weight for g in left) + group.weight / 2 > half:
            break
        left.append(group)
    return tuple(left), tuple(groups[len(left) :])


def _well(device: Device, ways: dict[str, Choice]) -> str:
    """That the device's way out works, and what the world sees; empty when it does not."""
    way = ways.get(device["destination"])
    if way is None or device["state"] != "ok":
        return ""
    return f"{texts()('devices.well', way=way.title)} {end(way.note)}"


def choice(destination: Destination) -> Choice:
    """A destination as it is offered to a device."""
    seen = common.country(destination["country"])
    note = texts()("choose.direct" if destination["kind"] == "direct" else "choose.vpn")
    if destination["kind"] != "direct" and seen:
        note = texts()("choose.seen_from", country=seen)
    return Choice(
        name=destination["name"],
        title=destination["title"],
        symbol=common.symbol(destination),
        state=destination["state"],
        tone=TONES[destination["state"]],
        word=common.state_word(destination),
        note=note,
    )


def row(device: Device, ways: dict[str, Choice], now: datetime) -> Row:
    """One device; `ways` are all destinations by name."""
    t, receipt = texts(), device["receipt"]
    way = ways.get(device["destination"])
    timed = _until(device, ways)
    word, dbm = signal(device["wifi"]) if device["wifi"] else ("", "")
    return Row(
        ref=device["mac"],
        id=device_id(device["mac"]),
        title=device["title"],
        kind=device["kind"] if device["kind"] in KINDS else "unknown",
        kind_word=t(f"kinds.{device['kind'] if device['kind'] in KINDS else 'unknown'}"),
        line=_line(device),
        address=device["address"] or "",
        maker=device["maker"],
        private=device["private"],
        online=device["online"],
        new=device["new"],
        name=device["name"],
        way=way,
        destination=device["destination"],
        until=device["until"] or "",
        back_to=device["back_to"],
        until_pattern=timed,
        until_text=timed.replace("{time}", common.clock(device["until"])),
        trouble=_trouble(device, way),
        why=way_id(device["destination"]) if way and device["state"] != "ok" else "",
        tone="warn" if device["state"] == "starting" or (way and way.state == "paused")
        else "bad",
        receipt=_remembered(receipt, ways, now) if receipt else "",
        can_undo=device["can_undo"],
        maybe=tuple((found["mac"], found["title"]) for found in device["maybe"]),
        refused=_refused(device),
        ssid=device["wifi"]["ssid"] if device["wifi"] else "",
        signal=word,
        dbm=dbm,
    )  # fmt: skip


def _line(device: Device) -> tuple[str, ...]:
    """Maker and address in a few words."""
    t = texts()
    who = t("devices.private") if device["private"] else device["maker"]
    waits = t("devices.no_address") if device["online"] else ""
    return tuple(part for part in (who, device["address"] or waits) if part)


def _until(device: Device, ways: dict[str, Choice]) -> str:
    """How a timed switch ends, with "{time}" for when; empty without one."""
    if not device["until"] or not common.clock(device["until"]):
        return ""
    back = ways.get(device["back_to"])
    return texts()("devices.until", time="{time}", back=back.title if back else device["back_to"])


def _trouble(device: Device, way: Choice | None) -> str:
    """Why a device cannot get out, and what to do; empty when it can."""
    t, said = texts(), plain(device["message"])
    title = way.title if way else device["destination"]
    if device["state"] == "ok":
        return ""
    if device["state"] == "starting":
        return t("trouble.starting", way=title, why=said or t("trouble.a_moment"))
    if device["state"] == "down":
        why = t("trouble.down_why" if said else "trouble.down", way=title, why=said)
        return f"{end(why)} {t('trouble.until_then')}"
    if way and way.state == "paused":
        return t("trouble.paused", way=title)
    if not device["destination"]:
        return as_sentence(said) or t("trouble.waits")
    return as_sentence(said) or t("trouble.gone", way=title)


def _refused(device: Device) -> tuple[str, ...]:
    """What the router refused of a device, in words."""
    counts = device["refused"]
    words = (
        ("devices.refused_tls", counts["dns_over_tls"]),
        ("devices.refused_dns", counts["dns_elsewhere"]),
    )
    return tuple(texts()(key, count=count) for key, count in words if count)


def _remembered(receipt: Receipt, ways: dict[str, Choice], now: datetime) -> str:
    """The last switch, for the device's own card; after a day it is no news any more."""
    when = common.ago(receipt["at"], now)
    values = {
        "old": _title(receipt["old"], ways),
        "new": _title(receipt["new"], ways),
        "cut": common.cut(receipt),
        "when": when,
    }
    return texts()("receipt.remembered", **values) if when else ""


def _title(name: str, ways: dict[str, Choice]) -> str:
    return ways[name].title if name in ways else name
