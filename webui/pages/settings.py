"""Settings: who may use the page, which programs, and how to join the Wi-Fi."""

from __future__ import annotations

from flask import Blueprint, render_template, request

from orchestrator.client import ControlError, Unreachable
from webui.pages.access import settings
from webui.pages.shared import Answer, control, sentence
from webui.present.wifi import code
from webui.rules import rule
from webui.texts import texts

_SAID = ("password", "no_password", "policy", "revoked")

bp = Blueprint("settings", __name__)


@bp.get("/settings")
@rule("look", query={"said": 16})
def index() -> Answer:
    said = request.args.get("said", "")
    return settings(said=texts()(f"access.said_{said}") if said in _SAID else "")


@bp.get("/settings/wifi")
@rule("keep", query={"ssid": 32})
def wifi() -> Answer:
    """How to join a network. The address names it only; the passphrase is in the page."""
    try:
        invitation = control().join_wifi(request.args.get("ssid", ""))
    except Unreachable:
        raise
    except ControlError as error:
        return settings(failed=sentence(error), code=error.status)
    return render_template("wifi.html", invitation=invitation, code=code(invitation))
