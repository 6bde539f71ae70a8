"""Devices: which there are, where they go, who they are."""

from __future__ import annotations

from typing import Annotated, Any, TypedDict

from pydantic import Field

from orchestrator.api.route import Body, Call, Need, Route
from orchestrator.client import words
from orchestrator.service import Service
from orchestrator.timers import MOST_MINUTES

_Reference = Annotated[str, Field(min_length=1, max_length=200)]
_Word = Annotated[str, Field(min_length=1, max_length=64)]


class Devices(TypedDict):
    """All devices."""

    devices: list[words.Device]


class Receipts(TypedDict):
    """What a switch of several devices, or taking it back, did to each."""

    receipts: list[words.Receipt]


class Done(TypedDict):
    """It is done; there is no more to say."""


class _Assign(Body):
    """For good, for some minutes, or until "midnight" or a time (ISO 8601 with a zone)."""

    destination: _Word
    minutes: Annotated[int, Field(ge=1, le=MOST_MINUTES)] | None = None
    until: _Word | None = None


class _Several(Body):
    """All of the devices, or none."""

    devices: Annotated[tuple[_Reference, ...], Field(min_length=1, max_length=250, strict=False)]


class _AssignMany(_Assign, _Several):
    """All of the devices, or none."""


class _Rename(Body):
    name: Annotated[str, Field(max_length=200)]  # how it is to be said is said in a sentence


class _Kind(Body):
    kind: words.DeviceKind


class _TakeOver(Body):
    """`old`: the device that the new one was."""

    old: _Reference


def _devices(service: Service, _call: Call) -> Any:
    return {"devices": service.devices()}


def _assign(service: Service, call: Call) -> Any:
    body, device = call.body, call.path["device"]
    return service.household.assign(
        device, body.destination, body.minutes, body.until, service.who(call.by)
    )


def _assign_many(service: Service, call: Call) -> Any:
    body = call.body
    made = service.household.assign_many(
        body.devices, body.destination, body.minutes, body.until, service.who(call.by)
    )
    return {"receipts": made}


def _undo(service: Service, call: Call) -> Any:
    return service.household.undo(call.path["device"], service.who(call.by))


def _undo_many(service: Service, call: Call) -> Any:
    return {"receipts": service.household.undo_many(call.body.devices, service.who(call.by))}


def _rename(service: Service, call: Call) -> Any:
    return service.household.rename(call.path["device"], call.body.name, service.who(call.by))


def _kind(service: Service, call: Call) -> Any:
    return service.household.set_kind(call.path["device"], call.body.kind)


def _take_over(service: Service, call: Call) -> Any:
    return service.household.take_over(call.path["device"], call.body.old, service.who(call.by))


def _dismiss(service: Service, call: Call) -> Any:
    return service.household.dismiss(call.path["device"])


def _forget(service: Service, call: Call) -> Any:
    service.household.forget(call.path["device"], service.who(call.by))
    return {}


ROUTES = (
    Route("GET", "/devices", "All devices", _devices, Devices, Need.LOOK),
    Route(
        "POST", "/devices/{device}/assign", "Send a device by another destination",
        _assign, words.Receipt, Need.OWN, body=_Assign,
    ),
    Route(
        "POST", "/assign", "Send several devices by another destination",
        _assign_many, Receipts, Need.CHANGE, body=_AssignMany,
    ),
    Route(
        "POST", "/devices/{device}/undo", "Take the last switch of a device back",
        _undo, words.Receipt, Need.OWN,
    ),
    Route(
        "POST", "/undo", "Take the last switch of several devices back",
        _undo_many, Receipts, Need.CHANGE, body=_Several,
    ),
    Route(
        "POST", "/devices/{device}/rename", "Give a device a name",
        _rename, words.Device, Need.OWN, body=_Rename,
    ),
    Route(
        "POST", "/devices/{device}/kind", "Say what a device is",
        _kind, words.Device, Need.OWN, body=_Kind,
    ),
    Route(
        "POST", "/devices/{device}/take-over", "Say that a new device is an old one",
        _take_over, words.Device, Need.CHANGE, body=_TakeOver,
    ),
    Route(
        "POST", "/devices/{device}/dismiss", "Say that a new device is none of the old ones",
        _dismiss, words.Device, Need.OWN,
    ),
    Route(
        "POST", "/devices/{device}/forget", "Forget a device that is gone",
        _forget, Done, Need.CHANGE,
    ),
)  # fmt: skip
