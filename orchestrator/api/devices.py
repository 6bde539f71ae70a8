"""Devices: which there are, where they go, what they are called."""

from __future__ import annotations

from typing import Annotated, Any, TypedDict

from pydantic import Field

from orchestrator.api.route import Body, Call, Need, Route
from orchestrator.client import words
from orchestrator.service import Service


class Devices(TypedDict):
    """All devices."""

    devices: list[words.Device]


class _Assign(Body):
    destination: Annotated[str, Field(min_length=1, max_length=64)]


class _Rename(Body):
    name: Annotated[str, Field(min_length=1, max_length=64)]


def _devices(service: Service, _call: Call) -> Any:
    return {"devices": service.devices()}


def _assign(service: Service, call: Call) -> Any:
    return service.assign(call.path["device"], call.body.destination, service.who(call.by))


def _rename(service: Service, call: Call) -> Any:
    return service.rename(call.path["device"], call.body.name, service.who(call.by))


ROUTES = (
    Route("GET", "/devices", "All devices", _devices, Devices, Need.LOOK),
    Route(
        "POST", "/devices/{device}/assign", "Send a device by another destination",
        _assign, words.Receipt, Need.OWN, body=_Assign,
    ),
    Route(
        "POST", "/devices/{device}/rename", "Give a device a name",
        _rename, words.Device, Need.OWN, body=_Rename,
    ),
)  # fmt: skip
