"""The ways out: look, pause and resume, add a VPN, remove one."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import PurePath
from urllib.parse import urlencode

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import RequestEntityTooLarge

from orchestrator.client import ControlError, Live, PauseReceipt, Status, Unreachable
from webui.pages.shared import Answer, control, sentence
from webui.present import destinations as present
from webui.present.common import Notice, way_id
from webui.present.plain import plain
from webui.rules import rule
from webui.texts import texts
from webui.uploads import LARGEST_PROFILE

NAME_AT_MOST = 15

bp = Blueprint("destinations", __name__, url_prefix="/destinations")

_ADDED = {"way": 64, "username": 256, "password": 256}
_SAID = {
    "again": 64,
    "added": 64,
    "paused": 64,
    "resumed": 64,
    "removed": 64,
    "cut": 12,
    "ms": 12,
    "same": 1,
}


@dataclass(frozen=True, slots=True)
class Draft:
    """What a person typed into the form, but for the password, and what was wrong with it."""

    name: str = ""
    user: str = ""
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    open: bool = False


NOTHING = Draft()


@bp.get("")
@rule("look", query=_SAID)
def index() -> Answer:
    status = control().status()
    again = request.args.get("again", "")
    draft = Draft(name=again[:NAME_AT_MOST], open=True) if again else NOTHING
    return _page(status, _notice(status), draft=draft)


@bp.post("/<name>/pause")
@rule("change")
def pause(name: str) -> Answer:
    return _paused(name, pause=True)


@bp.post("/<name>/resume")
@rule("change")
def resume(name: str) -> Answer:
    return _paused(name, pause=False)


@bp.post("")
@rule("change", form=_ADDED, files=("file",))
def add() -> Answer:
    file = request.files.get("file")
    typed = request.form.get("way", "").strip()
    name = typed or suggested_name(file.filename if file else None)
    draft = Draft(name, request.form.get("username", "").strip(), open=True)
    profile, problem = _profile(file)
    if problem:
        return _refused(replace(draft, problems=(problem,)), 400)
    try:
        password = request.form.get("password", "")
        trial = control().add_destination(draft.name, profile, draft.user, password)
    except Unreachable:
        raise
    except ControlError as error:
        return _refused(replace(draft, problems=(sentence(error),)), error.status)
    if not trial["accepted"]:
        problems, notes = tuple(map(plain, trial["problems"])), tuple(map(plain, trial["notes"]))
        return _refused(replace(draft, problems=problems, notes=notes), 422)
    name = trial["name"]
    return redirect(url_for(".index", added=name, _anchor=way_id(name)), 303)


@bp.post("/<name>/remove")
@rule("change")
def remove(name: str) -> Answer:
    try:
        control().remove_destination(name)
    except Unreachable:
        raise
    except ControlError as error:
        return _page(control().status(), Notice(sentence(error), failed=True), code=error.status)
    return redirect(url_for(".index", removed=name), 303)


@bp.errorhandler(RequestEntityTooLarge)
def too_large(_: RequestEntityTooLarge) -> Answer:
    return _refused(Draft(problems=(texts()("ways.add.too_big"),), open=True), 413)


def suggested_name(file: str | None) -> str:
    """A destination's name made of a file's: "UK London (fast).ovpn" → "uk-london-fast"."""
    stem = PurePath((file or "").replace("\\", "/")).stem.lower()
    return re.sub(r"[^a-z0-9]+", "-", stem).strip("-")[:NAME_AT_MOST].rstrip("-")


def _profile(file: FileStorage | None) -> tuple[str, str]:
    """The text of an uploaded profile, or what is wrong with the file."""
    content = file.read(LARGEST_PROFILE + 1) if file else b""
    if not content:
        return "", texts()("ways.add.no_file")
    if len(content) > LARGEST_PROFILE:
        return "", texts()("ways.add.too_big")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return "", texts()("ways.add.not_text")
    return ("", texts()("ways.add.not_text")) if "\0" in text else (text, "")


def _paused(name: str, *, pause: bool) -> Answer:
    daemon = control()
    try:
        receipt = daemon.pause(name) if pause else daemon.resume(name)
    except Unreachable:
        raise
    except ControlError as error:
        return _page(daemon.status(), Notice(sentence(error), failed=True), code=error.status)
    done = {"paused" if pause else "resumed": name, **_measure(receipt)}
    return redirect(f"{url_for('.index')}?{urlencode(done)}#{way_id(name)}", 303)


def _measure(receipt: PauseReceipt) -> dict[str, int]:
    took = round(receipt["milliseconds"])
    return {"cut": receipt["connections_cut"], "ms": took, "same": int(not receipt["changed"])}


def _notice(status: Status) -> Notice | None:
    """What was just done, as far as the daemon's report agrees with the address.

    Names and words are the daemon's and ours; of the address only numbers are shown.
    """
    args = request.args
    for way in status["destinations"]:
        if way["name"] == args.get("added"):
            return Notice(present.added(way))
        done = "paused" if way["state"] == "paused" else "resumed"
        if way["name"] == args.get(done):
            cut, took = args.get("cut", 0, int), args.get("ms", 0, int)
            changed = not args.get("same", 0, int)
            return Notice(present.paused(way, cut, took, changed=changed))
    there = {way["name"] for way in status["destinations"]}
    if args.get("removed", "") not in there | {""}:
        return Notice(texts()("ways.removed"))
    return None


def _refused(draft: Draft, code: int) -> Answer:
    return _page(control().status(), None, draft=draft, code=code)


def _page(
    status: Status, notice: Notice | None, *, draft: Draft = NOTHING, code: int = 200
) -> tuple[str, int]:
    view = present.page(status, _live())
    text = render_template(
        "destinations.html", page=view, notice=notice, draft=draft, limit=LARGEST_PROFILE,
        name_limit=NAME_AT_MOST,
    )  # fmt: skip
    return text, code


def _live() -> Live | None:
    """What flows; the view is worth showing without it."""
    try:
        return control().live()
    except ControlError:
        return None
