"""The control API as Python methods; the paths are those of the OpenAPI document."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from http.client import HTTPException
from typing import Any, cast
from urllib.parse import quote

from orchestrator.client import words
from orchestrator.client.transport import (
    ACTION_SECONDS,
    CONVERGE_SECONDS,
    QUESTION_SECONDS,
    Body,
    UnixConnection,
    listed,
    message,
    request,
    understand,
    unreachable,
)

DEFAULT_SOCKET = "/run/manyways/control.sock"
BASE = "/api/v1"
FROM = "X-Manyways-From"  # address:port of the browser that asks, as the page sees it
TOKEN = "X-Manyways-Token"  # the name of the token that asks
CSRF = "X-Manyways-Csrf"  # what the page's own script sends along, instead of a form's field


class Control:
    """The daemon's control API.

    `path` is the unix socket; by default $MANYWAYS_SOCKET or /run/manyways/control.sock.
    Every method raises `Unreachable` when nobody answers, else `ControlError`.
    """

    def __init__(self, path: str | None = None, headers: Mapping[str, str] | None = None) -> None:
        self.path = path or os.environ.get("MANYWAYS_SOCKET") or DEFAULT_SOCKET
        self._headers = dict(headers or {})

    def on_behalf_of(self, peer: str, token: str = "") -> Control:
        """The same, for a browser at `peer` (address:port) or a program with a token's name."""
        headers = {FROM: peer, **({TOKEN: quote(token)} if token else {})}
        return Control(self.path, headers)

    # --- questions ---------------------------------------------------------------------------

    def status(self) -> words.Status:
        return cast(words.Status, self._ask("/status"))

    def devices(self) -> list[words.Device]:
        return cast(list[words.Device], listed(self._ask("/devices"), "devices"))

    def live(self) -> words.Live:
        """What flows now. Asking keeps the meter running; nobody asking lets it rest."""
        return cast(words.Live, self._ask("/live"))

    def history(self) -> words.History:
        """The last two minutes of what flowed, as far as somebody looked."""
        return cast(words.History, self._ask("/live/history"))

    def activity(
        self, *, before: int | None = None, limit: int = 50, device: str = ""
    ) -> words.Activity:
        """What happened, newest first: `limit` events older than the one with the id `before`."""
        wanted = {"limit": str(limit), "before": before, "device": device}
        query = "&".join(f"{k}={_quoted(str(v))}" for k, v in wanted.items() if v not in (None, ""))
        return cast(words.Activity, self._ask(f"/activity?{query}"))

    def join_wifi(self, ssid: str) -> words.Invitation:
        """What it takes to join the Wi-Fi network `ssid`; the answer holds its passphrase."""
        return cast(words.Invitation, self._ask(f"/wifi/join?ssid={_quoted(ssid)}"))

    def whoami(self) -> words.Whoami:
        """Which device of the home this asks for."""
        return cast(words.Whoami, self._ask("/whoami"))

    def plan(self) -> list[words.Action]:
        """What `up` would do; observing takes longer than a question from memory."""
        answer = self.call("GET", "/plan", None, ACTION_SECONDS)
        return cast(list[words.Action], listed(answer, "actions"))

    def logs(self, name: str, lines: int = 100) -> list[str]:
        """The last lines that a service or a destination wrote."""
        path = f"/logs/{_quoted(name)}?lines={lines}"
        return cast(list[str], listed(self.call("GET", path, None, ACTION_SECONDS), "lines"))

    # --- devices -----------------------------------------------------------------------------

    def assign(
        self, device: str, destination: str, *, minutes: int | None = None, until: str | None = None
    ) -> words.Receipt:
        """Move `device` (name, MAC or IP address) to `destination`: for good, for some `minutes`,
        or until "midnight" or a time (ISO 8601).
        """
        body = _assignment(destination, minutes, until)
        return cast(words.Receipt, self._act(f"/devices/{_quoted(device)}/assign", body))

    def assign_many(
        self, devices: Sequence[str], destination: str, *, minutes: int | None = None,
        until: str | None = None,
    ) -> list[words.Receipt]:  # fmt: skip
        """Move several devices at once; all of them, or none."""
        body = {"devices": list(devices), **_assignment(destination, minutes, until)}
        return cast(list[words.Receipt], listed(self._act("/assign", body), "receipts"))

    def undo(self, device: str) -> words.Receipt:
        """Take the last switch of `device` back."""
        return cast(words.Receipt, self._act(f"/devices/{_quoted(device)}/undo"))

    def undo_many(self, devices: Sequence[str]) -> list[words.Receipt]:
        """Take the last switches of several devices back; all of them, or none."""
        body = {"devices": list(devices)}
        return cast(list[words.Receipt], listed(self._act("/undo", body), "receipts"))

    def rename(self, device: str, name: str) -> words.Device:
        """Give `device` another name, in words of a person's choice."""
        return self._change(device, "rename", {"name": name})

    def set_kind(self, device: str, kind: str) -> words.Device:
        """Say what `device` is, for its picture and its place on the page."""
        return self._change(device, "kind", {"kind": kind})

    def take_over(self, device: str, old: str) -> words.Device:
        """Say that the new `device` is the `old` one: it gets its name and its choice."""
        return self._change(device, "take-over", {"old": old})

    def dismiss(self, device: str) -> words.Device:
        """Say that the new `device` is none of those that it may be."""
        return self._change(device, "dismiss", {})

    def forget(self, device: str) -> None:
        """Forget a device that is not here."""
        self._act(f"/devices/{_quoted(device)}/forget")

    def _change(self, device: str, verb: str, body: Body) -> words.Device:
        return cast(words.Device, self._act(f"/devices/{_quoted(device)}/{verb}", body))

    # --- destinations ------------------------------------------------------------------------

    def pause(self, destination: str) -> words.PauseReceipt:
        """Refuse everything that goes by `destination` until `resume`; its devices stay on it."""
        return self._pause(destination, "pause")

    def resume(self, destination: str) -> words.PauseReceipt:
        """Let a paused destination's devices out again."""
        return self._pause(destination, "resume")

    def _pause(self, destination: str, verb: str) -> words.PauseReceipt:
        path = f"/destinations/{_quoted(destination)}/{verb}"
        return cast(words.PauseReceipt, self._act(path))

    def add_destination(
        self, name: str, profile: str, username: str = "", password: str = ""
    ) -> words.Trial:
        """Add a VPN by the text of its OpenVPN profile; it is tried before it is offered."""
        body = {"name": name, "profile": profile, "username": username, "password": password}
        return cast(words.Trial, self._act("/destinations", body))

    def remove_destination(self, name: str) -> None:
        """Remove a destination that was added by `add_destination`."""
        self._act(f"/destinations/{_quoted(name)}/remove")

    # --- who may do what ---------------------------------------------------------------------

    def access(self) -> words.Access:
        return cast(words.Access, self._ask("/access"))

    def set_policy(self, policy: str) -> words.Access:
        """Say who may change what: "everybody", "own" (device) or "password"."""
        return cast(words.Access, self._act("/access", {"policy": policy}))

    def set_password(self, password: str, old: str = "") -> words.Access:
        """Set the page's password; empty removes it. All other visits end."""
        return cast(words.Access, self._act("/password", {"password": password, "old": old}))

    def remove_password(self) -> words.Access:
        """Remove a password that was forgotten; all visits end."""
        return cast(words.Access, self._act("/password/remove"))

    def log_in(self, password: str) -> words.Access:
        """Check the page's password. A ControlError with status 429 says how long to wait."""
        return cast(words.Access, self._act("/login", {"password": password}))

    def page_key(self) -> str:
        """The secret by which the page signs its cookies."""
        return str(self._ask("/page-key").get("key", ""))

    def tokens(self) -> list[words.Token]:
        return cast(list[words.Token], listed(self._ask("/tokens"), "tokens"))

    def make_token(self, name: str) -> words.NewToken:
        """Make a key for a program; its secret is never shown again."""
        return cast(words.NewToken, self._act("/tokens", {"name": name}))

    def revoke_token(self, token: str) -> None:
        self._act(f"/tokens/{_quoted(token)}/revoke")

    def check_token(self, secret: str) -> words.Token:
        """Whose token that is. Raises ControlError for one that is unknown or revoked."""
        return cast(words.Token, self._act("/check-token", {"secret": secret}))

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document: what the home network may ask."""
        return self._ask("/openapi.json")

    # --- the router as a whole ---------------------------------------------------------------

    def leaktest(self, destinations: Sequence[str], *, disruptive: bool) -> Iterator[words.Finding]:
        """Run a leak test of some destinations (none: all); yield its findings as they come."""
        connection = UnixConnection(self.path, ACTION_SECONDS)
        body = json.dumps({"destinations": list(destinations), "disruptive": disruptive})
        headers = {"Content-Type": "application/json", **self._headers}
        try:
            connection.request("POST", f"{BASE}/leaktest", body, headers)
            response = connection.getresponse()
            if response.status >= 400:
                understand(response.status, response.read())
            while line := response.readline():
                if said := message(line):
                    if "end" in said:
                        return
                    yield cast(words.Finding, said["finding"])
        except (OSError, HTTPException) as error:
            raise unreachable(error, self.path, ACTION_SECONDS) from error
        finally:
            connection.close()
        raise unreachable(EOFError(), self.path, ACTION_SECONDS)

    def up(self, *, keep: bool = False) -> words.Outcome:
        """Make everything so; `keep`: also what could cut the home network off, for good."""
        return cast(words.Outcome, self.call("POST", "/up", {"keep": keep}, CONVERGE_SECONDS))

    def confirm(self) -> bool:
        """Keep the change that is on probation; False when there is none."""
        return bool(self._act("/confirm").get("kept"))

    def down(self) -> words.Outcome:
        return cast(words.Outcome, self.call("POST", "/down", {}, CONVERGE_SECONDS))

    def call(
        self, method: str, path: str, body: Body | None, seconds: float = ACTION_SECONDS
    ) -> dict[str, object]:
        """Any request below /api/v1, as it is; `path` is quoted already."""
        return request(self.path, method, BASE + path, body, seconds, self._headers)

    def _ask(self, path: str) -> dict[str, object]:
        return self.call("GET", path, None, QUESTION_SECONDS)

    def _act(self, path: str, body: Body | None = None) -> dict[str, Any]:
        return self.call("POST", path, body or {}, ACTION_SECONDS)


def _quoted(text: str) -> str:
    return quote(text, "", errors="replace")


def _assignment(destination: str, minutes: int | None, until: str | None) -> dict[str, object]:
    span = {"minutes": minutes, "until": until}
    return {"destination": destination, **{k: v for k, v in span.items() if v is not None}}
