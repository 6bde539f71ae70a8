"""What the daemon reports, as text for a person.

Pure: the JSON of the control API goes in, lines of text come out. The tree follows the way of
a packet, uplink to egress to tunnel to DNS to devices, so the first thing that is wrong stands
above everything that it explains.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from orchestrator.client import (
    Action,
    Check,
    Destination,
    Device,
    PauseReceipt,
    Receipt,
    Service,
    Status,
    Trial,
    Uplink,
    Wifi,
    describe_cut,
)
from orchestrator.tree import (
    Node,
    Style,
    Tone,
    clean,
    columns,
    draw,
    moment,
    paint,
    paragraph,
    table,
)
from orchestrator.wifi_text import joined_text, networks, radio

_TONES: dict[str, Tone] = {
    "ok": "good",
    "healthy": "good",
    "starting": "warn",
    "paused": "warn",
    "degraded": "warn",
    "down": "bad",
    "failed": "bad",
    "rejected": "bad",
    "unknown": "dim",
}


_ENDLESS = 10_000

_STUCK = {
    "down": "rejected until this works again",
    "paused": "rejected until: orchestrator resume {}",
}


def exit_code(status: Status) -> int:
    """0 when all is well, 1 when something is not."""
    return 0 if status["state"] == "healthy" and not status["stopped"] else 1


def status_text(status: Status, style: Style) -> str:
    """The whole report: a headline, what is wrong with the router itself, and the tree."""
    state = "stopped" if status["stopped"] else status["state"]
    tone: Tone = "bad" if status["stopped"] else _TONES.get(state, "bad")
    lines = [
        f"Manyways {clean(status['version'])} is {paint(state, tone, style)}",
        *([f"The page: {clean(page)}"] if (page := status["lan"]["page"]) else []),
        "",
        *draw(_router_nodes(status), style),
    ]
    for uplink in status["uplinks"]:
        lines += ["", *draw([_uplink_node(uplink, status, style)], style)]
    homeless = _homeless(status)
    if homeless:
        lines += ["", *draw([homeless], style)]
    return "\n".join(lines)


def _router_nodes(status: Status) -> list[Node]:
    """The router's own services and its configuration."""
    services = tuple(_service_node(s, status["wifi"]) for s in status["services"])
    nodes = [Node("the router itself", children=services)] if services else []
    if status["problems"]:
        nodes.append(Node("what could not be done", children=tuple(map(Node, status["problems"]))))
    config = status["config"]
    if config["errors"]:
        kept = "; the last good one stays" if status["destinations"] else ""
        mistakes = tuple(map(Node, config["errors"]))
        nodes.append(Node(f"mistakes in the configuration{kept}", "",
                          children=mistakes))  # fmt: skip
    if config["chosen"]:
        nodes.append(Node("settings", children=(Node(config["chosen"]),)))
    if config["notes"]:
        nodes.append(Node("notes on the configuration", children=tuple(map(Node, config["notes"]))))
    now = status["probation"]
    if now and now["state"] != "taken back":
        left = f"taken back in {now['seconds_left']} s, unless: orchestrator confirm"
        reasons = tuple(map(Node, now["reasons"]))
        nodes.append(Node("a change of router.yaml waits", "WAITING", "warn", left, reasons))
    if status["stopped"]:
        nodes.append(Node("stopped: no device gets out until: orchestrator up"))
    return nodes


def _service_node(service: Service, wifi: Wifi | None) -> Node:
    """A service; below the access point its networks."""
    mine = wifi if service["name"] == "hostapd" else None
    return Node(
        service["name"],
        _loud(service["state"]),
        _TONES.get(service["state"], "bad"),
        service["message"] or (radio(mine) if mine else ""),
        networks(mine) if mine else (),
    )


def _uplink_node(uplink: Uplink, status: Status, style: Style) -> Node:
    destinations = [d for d in status["destinations"] if d["uplink"] == uplink["name"]]
    children = tuple(_destination_node(d, status, style) for d in destinations)
    return Node(f"uplink {uplink['name']} ({uplink['interface']})", children=children)


def _destination_node(destination: Destination, status: Status, style: Style) -> Node:
    """A destination, its chain of checks, and the devices at the end of the chain."""
    name, state = destination["name"], destination["state"]
    facts: list[str] = [] if destination["kind"] == name else [destination["kind"]]
    facts += [f"'{destination['title']}'"] if destination["title"] != name else []
    facts += [destination["country"]] if destination["country"] else []
    facts += ["default"] if name == status["default_destination"] else []
    facts += [] if destination["offered"] else ["on trial"]
    devices = [d for d in status["devices"] if d["destination"] == name]
    failed = [c for c in destination["checks"] if c["state"] == "failed"]
    broken = failed[0] if failed else None
    checks = tuple(_check_node(check, broken) for check in destination["checks"])
    # The failed check says it below, at its own place: once is enough.
    said = destination["message"] in [c["message"] for c in failed]
    return Node(
        f"{name} ({', '.join(facts)})" if facts else name,
        _loud(state),
        _TONES.get(state, "bad"),
        _outside(destination) if said or not destination["message"] else destination["message"],
        (*checks, _devices_node(devices, destination, style)),
    )


def _outside(destination: Destination) -> str:
    """How a destination looks from outside, and how far that is."""
    address, latency = destination["public_address"], destination["latency_ms"]
    seen = [f"seen as {address}"] if address else []
    return ", ".join([*seen, *([] if latency is None else [f"{latency:.0f} ms"])])


def _check_node(check: Check, broken: Check | None) -> Node:
    if check["state"] == "unknown":
        why = f"waits for the {_spoken(broken['name'])}" if broken else "not known yet"
        return Node(_spoken(check["name"]), "-", "dim", check["message"] or why)
    state = check["state"]
    return Node(_spoken(check["name"]), _loud(state), _TONES.get(state, "bad"), check["message"])


def _devices_node(devices: Sequence[Device], destination: Destination, style: Style) -> Node:
    if not devices:
        return Node("devices", "none", "dim")
    children = tuple(_device_node(device, destination["message"], style) for device in devices)
    stuck = _STUCK.get(destination["state"], "").format(destination["name"])
    return Node("devices", str(len(devices)), "", stuck, children)


def _device_node(device: Device, known: str, style: Style) -> Node:
    """A device; `known` is what its destination says already."""
    state = "away" if device["state"] == "ok" and not device["online"] else device["state"]
    tone: Tone = "dim" if state == "away" else _TONES.get(state, "bad")
    address = device["address"] or "no address"
    joined = [joined_text(device["wifi"])] if device["wifi"] else []
    facts = [address, *joined, *_for_a_time(device, style)]
    if device["message"] not in ("", known):
        facts.append(device["message"])
    return Node(_called(device), _loud(state), tone, ", ".join(facts))


def _called(device: Device) -> str:
    """A device's name, and what people call it where that says more."""
    name, title = device["name"], device["title"]
    plain = "-".join(re.findall(r"\w+", title.casefold()))
    return name if plain == name or title.startswith("Device ") else f"{name} ({title})"


def _for_a_time(device: Device, style: Style) -> list[str]:
    then = f", then {device['back_to']}" if device["back_to"] else ""
    return [f"{words}{then}" for words in _until(device["until"], style)]


def _until(time: str | None, style: Style) -> list[str]:
    return [f"until {moment(time, style)}"] if time else []


def _homeless(status: Status) -> Node | None:
    """Devices whose destination is in no uplink's part of the tree: never to be forgotten."""
    uplinks = {uplink["name"] for uplink in status["uplinks"]}
    known = {d["name"] for d in status["destinations"] if d["uplink"] in uplinks}
    lost = [d for d in status["devices"] if d["destination"] not in known]
    if not lost:
        return None
    nodes = tuple(
        Node(_called(d), _loud(d["state"]), _TONES.get(d["state"], "bad"),
             d["message"] or f"there is no destination '{d['destination']}'")
        for d in lost
    )  # fmt: skip
    return Node("devices without a way out", children=nodes)


def _spoken(check: str) -> str:
    return "DNS" if check == "dns" else check


def _loud(state: str) -> str:
    """Bad states stand out without colour, too."""
    return clean(state.upper() if _TONES.get(state) == "bad" else state)


def devices_text(devices: Sequence[Device], style: Style) -> str:
    """The devices as a table."""
    if not devices:
        return "No device yet: one appears here when it asks for an address."
    titled = _table(devices, _called, replace(style, width=_ENDLESS))
    if max(map(columns, titled)) <= style.width:
        return "\n".join(titled)
    return "\n".join(_table(devices, lambda device: device["name"], style))


def _table(devices: Sequence[Device], called: Callable[[Device], str], style: Style) -> list[str]:
    wireless = any(device["wifi"] for device in devices)
    rows = [
        (
            called(device),
            device["address"] or "-",
            " ".join((device["destination"] or "-", *_until(device["until"], style))),
            device["state"] if device["online"] or device["state"] != "ok" else "away",
            device["mac"],
            *((device["wifi"]["ssid"] if device["wifi"] else "-",) if wireless else ()),
        )
        for device in devices
    ]
    headings = ("NAME", "ADDRESS", "DESTINATION", "STATE", "MAC")
    return table((*headings, *(("WI-FI",) if wireless else ())), rows, style)


def receipt_text(receipt: Receipt, style: Style) -> str:
    """What a switch did, in one line."""
    device, old, new = (clean(receipt[key]) for key in ("device", "old", "new"))
    if old != new:
        text = f"{device}: {old} {style.arrow} {new}, {describe_cut(receipt)}"
    elif receipt["until"]:
        text = f"{device} goes on by {new}; nothing was cut"
    else:
        text = f"{device} goes by {new} already; nothing was cut"
    text = ", ".join((text, *_until(receipt["until"], style)))
    if not receipt["note"]:
        return text
    return f"{text}\n{clean(receipt['note'])}: {device} is refused until orchestrator resume {new}"


def pause_text(receipt: PauseReceipt) -> str:
    """What pausing or resuming did, in one line."""
    name, count = clean(receipt["destination"]), receipt["devices"]
    devices = "1 device" if count == 1 else f"{count} devices"
    if not receipt["changed"]:
        return f"{name} is paused already" if receipt["paused"] else f"{name} is not paused"
    if receipt["paused"]:
        return f"{name} is paused: {devices} refused, {describe_cut(receipt)}"
    return f"{name} is resumed: {devices} may send again"


def trial_text(trial: Trial) -> str:
    """What became of an added VPN, a line for each thing that is wrong or worth knowing."""
    name = clean(trial["name"])
    if not trial["accepted"]:
        lines = (f"  {clean(problem)}" for problem in trial["problems"])
        return "\n".join([f"{name} was not added:", *lines])
    notes = (f"  note: {clean(note)}" for note in trial["notes"])
    first = f"{name} is being tried; devices can use it as soon as it has worked once"
    return "\n".join([first, *notes, "how far it is: orchestrator status"])


def actions_text(actions: Sequence[Action], nothing: str, style: Style) -> str:
    """Actions with their reasons, one below the other; `nothing` when there are none."""
    if not actions:
        return nothing
    sentences = (f"{a['verb']} {a['target']}: {a['reason']}" for a in actions)
    return "\n".join(line for text in sentences for line in paragraph(text, style))
