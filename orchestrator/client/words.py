"""What the API says and hears, as types: the one description of its JSON.

Times are ISO 8601 in UTC with a zone, amounts of traffic bytes, speeds bytes a second.
The OpenAPI document is made from these types, so their docstrings are read by strangers.
"""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

DeviceKind = Literal[
    "phone", "tablet", "computer", "tv", "speaker", "console",
    "camera", "printer", "watch", "thing", "unknown",
]  # fmt: skip
Policy = Literal["everybody", "own", "password"]


class Receipt(TypedDict):
    """What a switch did."""

    mac: str
    device: str
    old: str
    new: str
    connections_cut: int
    milliseconds: float
    at: str  # ISO 8601 with a time zone
    until: str | None  # when the device goes back by itself
    note: str  # why the device is refused all the same


class PauseReceipt(TypedDict):
    """What pausing or resuming a destination did; `changed`: false when it was so already."""

    destination: str
    paused: bool
    changed: bool
    devices: int
    connections_cut: int
    milliseconds: float
    at: str


class Candidate(TypedDict):
    """A device that a new one may have been until it changed its private MAC address."""

    mac: str
    title: str


class Refusals(TypedDict):
    """What was refused or turned of a device's DNS since the router started."""

    dns_over_tls: int  # packets that would have hidden its queries; refused
    dns_elsewhere: int  # queries to servers of its own choice; answered by its destination's


class Joined(TypedDict):
    """The Wi-Fi network that a device is on."""

    ssid: str
    signal_dbm: int | None  # how well the router hears it; None: not known


class Device(TypedDict):
    """A device of the home network and where its traffic goes."""

    mac: str
    name: str  # its label in the home's DNS: what the command line says
    title: str  # what people call it: their own name for it, else what is known of it
    kind: DeviceKind
    maker: str  # by the MAC address; empty when unknown or private
    private: bool  # its MAC address is made up, as phones do for privacy
    new: bool  # nobody has named it yet
    address: str | None
    destination: str  # empty when it has none any more
    until: str | None  # a timed switch: when it goes back by itself ...
    back_to: str  # ... and where to; empty without one
    state: Literal["ok", "down", "starting", "rejected"]
    message: str
    online: bool
    receipt: Receipt | None
    can_undo: bool
    maybe: list[Candidate]  # the devices that this new one may be, with another private address
    refused: Refusals
    wifi: Joined | None  # None: by cable, or not here


class Check(TypedDict):
    """One link of a destination's chain; "unknown" when an earlier one failed, or not asked."""

    name: Literal["egress", "uplink", "endpoint", "tunnel", "dns", "internet"]
    state: Literal["ok", "failed", "unknown"]
    message: str


class Destination(TypedDict):
    """A destination and its health."""

    name: str
    title: str
    country: str  # ISO 3166-1 alpha-2, upper case; empty when unknown
    kind: Literal["direct", "openvpn"]
    uplink: str
    added: bool  # on the page, so it can be removed there
    offered: bool  # false: on trial; no device can be switched to it yet
    public_address: str | None  # None: nobody is asked, or there was no answer yet
    latency_ms: float | None
    state: Literal["ok", "starting", "degraded", "down", "paused"]
    message: str
    checks: list[Check]


class Service(TypedDict):
    """One of the router's own containers."""

    name: str
    state: Literal["ok", "degraded", "failed", "unknown"]  # unknown: not checked, and why
    message: str


class Lan(TypedDict):
    """Where the router and its page are on the home network."""

    address: str
    domain: str
    page: str


class Uplink(TypedDict):
    """A way to a provider."""

    name: str
    interface: str


class WifiNetwork(TypedDict):
    """A Wi-Fi network of the router's own."""

    ssid: str
    hidden: bool
    security: Literal["auto", "wpa2", "wpa2+wpa3", "wpa3"]
    destination: str  # where who joins it goes; empty: where all new devices go
    stations: int  # how many devices are on it


class Wifi(TypedDict):
    """The access point. "waiting": for its radio; `message` says what is wrong and what helps."""

    state: Literal["waiting", "starting", "on", "failed"]
    message: str
    channel: int | None
    max_stations: int | None  # how many devices the radio takes; None: it does not say
    networks: list[WifiNetwork]


class Invitation(TypedDict):
    """What it takes to join a Wi-Fi network. `text` is what a QR code says to a phone."""

    ssid: str
    passphrase: str
    text: str


class ConfigNotes(TypedDict):
    """What the daemon has to say about router.yaml and the profiles."""

    errors: list[str]
    notes: list[str]
    chosen: str  # what the router chose for lack of a router.yaml, and how to keep it


class Probation(TypedDict):
    """A change of the configuration that could cut the home network off."""

    state: Literal["applying", "waiting", "taken back"]
    reasons: list[str]  # what it changes
    seconds_left: int  # until it is taken back, unless it is confirmed
    since: str  # ISO 8601, UTC
    why: str  # it was taken back, or empty


class Status(TypedDict):
    """Everything that the daemon knows, as GET /api/v1/status tells it."""

    state: Literal["healthy", "degraded"]
    version: str
    config: ConfigNotes
    problems: list[str]  # what the last attempt to make everything so could not do
    probation: Probation | None
    stopped: bool
    services: list[Service]
    lan: Lan
    uplinks: list[Uplink]
    destinations: list[Destination]
    default_destination: str  # where a new device goes; empty while it goes nowhere
    devices: list[Device]
    wifi: Wifi | None  # None: there is no access point


class Action(TypedDict):
    """One step of a plan and its reason."""

    verb: str
    target: str
    reason: str


class Outcome(TypedDict):
    """What `up` or `down` did, and what it could not do."""

    actions: list[Action]
    errors: NotRequired[list[str]]
    probation: NotRequired[Probation | None]  # of `up` only


class Confirmation(TypedDict):
    """Whether there was a change to keep."""

    kept: bool


class Finding(TypedDict):
    """One line of a leak test. `destination` is empty for what concerns the home network.

    `by_choice`: not checked, because nobody asked for it.
    """

    destination: str
    check: str
    verdict: Literal["ok", "LEAK", "failed", "not checked"]
    evidence: str
    by_choice: bool


class Speed(TypedDict):
    """Bytes a second: `down` to the home, `up` from it."""

    down: float
    up: float


class Live(TypedDict):
    """What flows now. `revision` changes whenever GET /status would say something else."""

    at: float  # seconds of a clock that never goes back
    revision: str
    devices: dict[str, Speed]  # by MAC address; only those that send or receive
    destinations: dict[str, Speed]


class History(TypedDict):
    """The last two minutes, a sample a second, the newest last; shorter after a start."""

    devices: dict[str, list[Speed]]
    destinations: dict[str, list[Speed]]


class Event(TypedDict):
    """One line of the activity. Which fields are filled depends on `kind`."""

    id: int
    at: str
    kind: Literal[
        "switched", "switched_back", "joined", "undone", "renamed", "paused", "resumed",
        "new_device", "took_over", "forgotten", "destination_added", "destination_removed",
        "works", "fails", "dns_over_tls", "dns_elsewhere", "password_changed", "token_made",
        "token_revoked", "started", "stopped", "change_kept", "change_taken_back",
    ]  # fmt: skip
    mac: str  # the device's address, or empty
    device: str  # the device's title at that time, or empty
    destination: str
    old: str
    new: str
    by: str  # whose browser, token or command line; empty for the router itself
    count: int
    message: str


class Activity(TypedDict):
    """A page of the activity, newest first. `before`: where the next one begins, or None."""

    events: list[Event]
    before: int | None


class Whoami(TypedDict):
    """Which device asks; empty when it is none."""

    mac: str
    title: str


class Trial(TypedDict):
    """What became of an uploaded VPN: `problems` are by line, and then nothing was kept."""

    name: str
    accepted: bool
    problems: list[str]
    notes: list[str]


class Token(TypedDict):
    """A key for programs; the secret itself is shown once, when it is made."""

    id: str
    name: str
    made_at: str
    used_at: str | None


class NewToken(Token):
    """A token at its making."""

    secret: str


class Access(TypedDict):
    """Who may do what on the page."""

    password: bool  # is one set?
    policy: Policy
    generation: int  # grows with each change of the password; older visits end
    damaged: bool  # what was set could not be read: nobody may change anything on the page


def heard(signal_dbm: int) -> Literal["strong", "fair", "weak"]:
    """How well a Wi-Fi station is heard, in a word."""
    return "strong" if signal_dbm >= -60 else "fair" if signal_dbm >= -72 else "weak"


def describe_cut(receipt: Receipt | PauseReceipt) -> str:
    """A receipt's measure in words: "41 connections cut in 6 ms"."""
    count, took = receipt["connections_cut"], receipt["milliseconds"]
    noun = "connection" if count == 1 else "connections"
    return f"{count} {noun} cut in {f'{took:.0f}' if took >= 1 else 'under 1'} ms"
