"""Settings: who may use the page, and which programs."""

from __future__ import annotations

from flask import Blueprint, request

from webui.pages.access import settings
from webui.pages.shared import Answer
from webui.rules import rule
from webui.texts import texts

_SAID = ("password", "no_password", "policy", "revoked")

bp = Blueprint("settings", __name__)


@bp.get("/settings")
@rule("look", query={"said": 16})
def index() -> Answer:
    said = request.args.get("said", "")
    return settings(said=texts()(f"access.said_{said}") if said in _SAID else "")
