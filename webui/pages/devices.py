"""Home: who goes where, and everything that a person does with a device."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from urllib.parse import urlencode

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from orchestrator.client import ControlError, Status, Unreachable
from webui.pages.shared import Answer, control, sentence
from webui.present import devices as present
from webui.present.common import Notice, device_id
from webui.present.receipts import moved
from webui.rules import rule
from webui.texts import texts
from webui.visit import own_mac

bp = Blueprint("devices", __name__)

_SWITCH = {"destination": 64, "for": 32}
_SAID = {
    "moved": 3900,
    "undone": 3900,
    "renamed": 17,
    "took_over": 17,
    "dismissed": 17,
    "forgotten": 1,
    "several": 1,
}


@bp.get("/")
@rule("look", query=_SAID)
def index() -> Answer:
    status = control().status()
    return _page(status, _notice(status))


@bp.post("/devices/<ref>/assign")
@rule("own", form=_SWITCH)
def assign(ref: str) -> Answer:
    way = request.form.get("destination", "")

    def move() -> Response:
        minutes, until = _span()
        mac = control().assign(ref, way, minutes=minutes, until=until)["mac"]
        return _back(mac, moved=_packed([mac]))

    return _try(move)


@bp.post("/assign")
@rule("own", form={"device": 17, **_SWITCH}, many=("device",), devices="device")
def assign_many() -> Answer:
    chosen, way = request.form.getlist("device"), request.form.get("destination", "")
    if not chosen:
        failed = Notice(texts()("choose.nobody"), failed=True)
        return _page(control().status(), failed, 400, several=True)

    def move() -> Response:
        minutes, until = _span()
        receipts = control().assign_many(chosen, way, minutes=minutes, until=until)
        return _back(moved=_packed([receipt["mac"] for receipt in receipts]))

    return _try(move, several=True)


@bp.post("/undo")
@rule("own", form={"device": 17}, many=("device",), devices="device")
def undo() -> Answer:
    """Take back the last switch of each device that the form names."""

    def back() -> Response:
        made = control().undo_many(request.form.getlist("device"))
        macs = [receipt["mac"] for receipt in made]
        return _back(undone=_packed(macs))

    return _try(back)


@bp.post("/devices/<ref>/undo")
@rule("own")
def undo_one(ref: str) -> Answer:
    def back() -> Response:
        mac = control().undo(ref)["mac"]
        return _back(mac, undone=_packed([mac]))

    return _try(back)


@bp.post("/devices/<ref>/edit")
@rule("own", form={"name": 64, "kind": 16})
def edit(ref: str) -> Answer:
    name, kind = request.form.get("name", "").strip(), request.form.get("kind", "")

    def change() -> Response:
        # The picture first: a name may be refused, and then nothing of this is lost.
        if kind:
            control().set_kind(ref, kind)
        mac = control().rename(ref, name)["mac"]
        return _back(mac, renamed=mac)

    return _try(change, draft=(ref, name))


@bp.post("/devices/<ref>/take-over")
@rule("change", form={"old": 17})  # it takes the other one's name and way out
def take_over(ref: str) -> Answer:
    def change() -> Response:
        mac = control().take_over(ref, request.form.get("old", ""))["mac"]
        return _back(mac, took_over=mac)

    return _try(change)


@bp.post("/devices/<ref>/dismiss")
@rule("own")
def dismiss(ref: str) -> Answer:
    def change() -> Response:
        mac = control().dismiss(ref)["mac"]
        return _back(mac, dismissed=mac)

    return _try(change)


@bp.post("/devices/<ref>/forget")
@rule("change")
def forget(ref: str) -> Answer:
    def change() -> Response:
        control().forget(ref)
        return _back(forgotten="1")

    return _try(change)


def _try(
    change: Callable[[], Response], *, several: bool = False, draft: tuple[str, str] = ("", "")
) -> Answer:
    """Do it; a refusal shows the page with its reason, and what was typed."""
    try:
        return change()
    except Unreachable:
        raise
    except ControlError as error:
        notice = Notice(sentence(error), failed=True)
        return _page(control().status(), notice, error.status, several=several, draft=draft)


def _span() -> tuple[int | None, str | None]:
    """For how long a switch shall last, as the form says: minutes, or until when."""
    wanted = request.form.get("for", "")
    if wanted.isdecimal() and len(wanted) < 6:
        return int(wanted), None
    return None, wanted or None


def _back(mac: str = "", **said: str) -> Response:
    where = f"{url_for('.index')}?{urlencode(said)}"
    return redirect(f"{where}#{device_id(mac)}" if mac else where, 303)


def _packed(macs: Sequence[str]) -> str:
    """MAC addresses in a short form: an address of the page has room for a whole home."""
    return ".".join(mac.replace(":", "") for mac in macs)


def _page(
    status: Status, notice: Notice | None, code: int = 200, *, several: bool = False,
    draft: tuple[str, str] = ("", ""),
) -> tuple[str, int]:  # fmt: skip
    """The page with a notice; `draft` is a device and a new name that was refused."""
    view = present.home(status, datetime.now(UTC), own_mac())
    text = render_template(
        "home.html", page=view, notice=notice, several=several or "several" in request.args,
        draft_ref=draft[0], draft_name=draft[1], kinds=present.KINDS,
    )  # fmt: skip
    return text, code


def _notice(status: Status) -> Notice | None:
    """What was just done. The address only points at devices; all words come from the daemon."""
    t, said = texts(), request.args
    if macs := said.get("moved") or said.get("undone"):
        wanted = frozenset(macs.split("."))
        found = [d["mac"] for d in status["devices"] if _packed([d["mac"]]) in wanted]
        return moved(status, found, undone="undone" in said)
    if "forgotten" in said:
        return Notice(t("devices.forgotten"))
    for device in status["devices"]:
        for what in ("renamed", "took_over", "dismissed"):
            if device["mac"] == said.get(what):
                return Notice(t(f"devices.{what}", device=device["title"]))
    return None
