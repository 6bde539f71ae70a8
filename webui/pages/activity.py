"""What happened: newest first, of everything or of one device."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint, render_template, request

from webui.pages.shared import Answer, control
from webui.present import activity as present
from webui.rules import rule

AT_ONCE = 50

bp = Blueprint("activity", __name__)


@bp.get("/activity")
@rule("look", query={"device": 64, "before": 16})
def index() -> Answer:
    device, before = request.args.get("device", ""), _number(request.args.get("before", ""))
    daemon = control()
    status = daemon.status()
    if device not in {d["mac"] for d in status["devices"]}:
        device = ""  # a device that was forgotten since the link was made
    told = daemon.activity(before=before, limit=AT_ONCE, device=device)
    view = present.page(told, status, datetime.now(UTC), device=device, newest=before is None)
    return render_template("activity.html", page=view)


def _number(text: str) -> int | None:
    """A number of a link of ours; whatever else somebody typed means the newest."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else None
