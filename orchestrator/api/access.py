"""Who may do what on the page: its password, its policy, the keys for programs."""

from __future__ import annotations

from typing import Annotated, Any, TypedDict

from pydantic import Field

from orchestrator.api.route import Body, Call, Need, Route
from orchestrator.client import words
from orchestrator.service import Service

_Secret = Annotated[str, Field(max_length=128)]


class Tokens(TypedDict):
    """All keys for programs."""

    tokens: list[words.Token]


class PageKey(TypedDict):
    """The secret by which the page signs its cookies."""

    key: str


class _Policy(Body):
    policy: words.Policy


class _Password(Body):
    password: _Secret
    old: _Secret = ""


class _Login(Body):
    password: _Secret


class _MakeToken(Body):
    name: Annotated[str, Field(min_length=1, max_length=64)]


class _CheckToken(Body):
    secret: _Secret


def _visitor(service: Service, call: Call) -> str:
    """Whose tries count together: a device's, else those from one address.

    All who ask by the router's name have one address in common, and not one guesser.
    """
    return service.whoami(call.by)["mac"] or call.by.address


def _access(service: Service, _call: Call) -> Any:
    return service.access.summary()


def _set_policy(service: Service, call: Call) -> Any:
    return service.access.set_policy(call.body.policy)


def _set_password(service: Service, call: Call) -> Any:
    visitor = _visitor(service, call)
    answer = service.access.set_password(call.body.password, call.body.old, visitor)
    service.activity.happened("password_changed", by=service.who(call.by))
    return answer


def _remove_password(service: Service, call: Call) -> Any:
    answer = service.access.remove_password()
    service.activity.happened("password_changed", by=service.who(call.by))
    return answer


def _log_in(service: Service, call: Call) -> Any:
    return service.access.log_in(call.body.password, _visitor(service, call))


def _page_key(service: Service, _call: Call) -> Any:
    return {"key": service.access.page_key()}


def _tokens(service: Service, _call: Call) -> Any:
    return {"tokens": service.access.tokens()}


def _make_token(service: Service, call: Call) -> Any:
    made = service.access.make_token(call.body.name)
    service.activity.happened("token_made", message=made["name"], by=service.who(call.by))
    return made


def _revoke_token(service: Service, call: Call) -> Any:
    gone = service.access.revoke_token(call.path["id"])
    service.activity.happened("token_revoked", message=gone["name"], by=service.who(call.by))
    return gone


def _check_token(service: Service, call: Call) -> Any:
    return service.access.check_token(call.body.secret)


ROUTES = (
    Route("GET", "/access", "Who may do what on the page", _access, words.Access, Need.LOOK),
    Route(
        "POST", "/access", "Say who may do what on the page",
        _set_policy, words.Access, Need.KEEP, body=_Policy,
    ),
    Route(
        "POST", "/password", "Set the page's password; an empty one removes it",
        _set_password, words.Access, Need.KEEP, body=_Password,
    ),
    Route(
        "POST", "/password/remove", "Remove a password that was forgotten",
        _remove_password, words.Access, Need.SOCKET,
    ),
    Route(
        "POST", "/login", "Check the page's password",
        _log_in, words.Access, Need.SOCKET, body=_Login,
    ),
    Route("GET", "/page-key", "The page's own secret", _page_key, PageKey, Need.SOCKET),
    Route("GET", "/tokens", "All keys for programs", _tokens, Tokens, Need.KEEP),
    Route(
        "POST", "/tokens", "Make a key for a program",
        _make_token, words.NewToken, Need.KEEP, body=_MakeToken,
    ),
    Route(
        "POST", "/tokens/{id}/revoke", "Revoke a key",
        _revoke_token, words.Token, Need.KEEP,
    ),
    Route(
        "POST", "/check-token", "Whose key that is",
        _check_token, words.Token, Need.SOCKET, body=_CheckToken,
    ),
)  # fmt: skip
