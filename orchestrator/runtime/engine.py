"""The Docker engine: observe what is ours, and carry out one action of a plan at a time.

Uses docker-py's low-level calls, because the high-level `containers.create` silently drops the
whole networking configuration when one key of it is not as it likes.
"""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import docker
import docker.errors
import docker.types
import requests.exceptions
import urllib3.exceptions

from orchestrator.model import (
    Action,
    Bounds,
    ContainerSpec,
    Leg,
    NetworkSpec,
    ObservedContainer,
    ObservedNetwork,
    Verb,
)
from orchestrator.plan import digest
from orchestrator.segment import PORTER

OWNER_LABEL, OWNER = "io.manyways.owner", "manyways"
SPEC_LABEL = "io.manyways.spec"
ROLE_LABEL = "io.manyways.role"
_OUR_CONTAINERS = re.compile(r"manyways-(router|dhcp|webui|hostapd|porter|egress-.+)")
_OUR_NETWORKS = re.compile(r"manyways-(lan|uplink-.+|transit-.+)")
# The porter gives the host's interfaces back when it ends in order.
_IN_ORDER, _GRACE_S = (PORTER,), 20
_SOCKET = "/var/run/docker.sock"
_ABOUT = (
    *("ServerVersion", "Driver", "CgroupDriver", "CgroupVersion", "SecurityOptions"),
    *("KernelVersion", "OperatingSystem", "Architecture", "NCPU", "MemTotal", "MemoryLimit"),
    *("LiveRestoreEnabled", "DefaultRuntime", "LoggingDriver", "Warnings", "FirewallBackend"),
)
# What only looks, as a health check does once a minute, changes nothing.
_NO_NEWS = ("exec_", "health_status", "top")
_SECOND = 10**9  # Docker's durations are in nanoseconds
_LOG_OPTIONS = {"max-size": "1m", "max-file": "2"}  # an SD card is small and wears out


class EngineFailed(Exception):
    """The Docker engine refused, or does not answer; the message is for a person."""


@dataclass(frozen=True, slots=True)
class ContainerEvent:
    """What has just happened to something of ours, in the engine's own words.

    `signal` is that of a "kill", as a number. Networks have no `container`. The first event says
    that from now on none is missed: its `action` is "listening".
    """

    container: str
    action: str
    signal: str = ""


# docker-py lets through what happens while it reads a stream, which ends in the middle of a word
# when the engine is killed.
_SILENCE = (
    docker.errors.DockerException,
    docker.errors.StreamParseError,
    requests.exceptions.RequestException,
    urllib3.exceptions.HTTPError,
)


@contextlib.contextmanager
def _engine_errors(doing: str) -> Iterator[None]:
    try:
        yield
    except docker.errors.APIError as error:
        raise EngineFailed(f"{doing}: {error.explanation or error}") from error
    except _SILENCE as error:
        raise EngineFailed(f"{doing}: the Docker engine does not answer ({error})") from error


def knock(path: str = _SOCKET) -> None:
    """See whether anybody answers, before docker-py asks. Raises EngineFailed."""
    # docker-py never closes the socket of an attempt that failed.
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except OSError as error:
            raise EngineFailed(
                f"the Docker engine does not answer at {path}: {error.strerror}"
            ) from error


class Engine:
    """A connection to the Docker engine."""

    def __init__(self, path: str = _SOCKET) -> None:
        """Connect to the engine's socket at `path`. Raises EngineFailed."""
        knock(path)
        with _engine_errors("connecting"):
            self._client = docker.DockerClient(base_url=f"unix://{path}", timeout=60)
        self._api: Any = self._client.api
        self._steps: Mapping[Verb, Callable[[Action], None]] = {
            Verb.CREATE_NETWORK: self._create_network,
            Verb.REMOVE_NETWORK: self._remove_network,
            Verb.CREATE_CONTAINER: self._create_container,
            Verb.REMOVE_CONTAINER: self._remove_container,
            Verb.START_CONTAINER: self._start_container,
            Verb.RESTART_CONTAINER: self._restart_container,
            Verb.RELOAD_CONTAINER: self._reload_container,
            Verb.CONNECT: self._connect,
            Verb.DISCONNECT: self._disconnect,
        }

    # --- looking -----------------------------------------------------------------------------

    def containers(self) -> tuple[ObservedContainer, ...]:
        """Return every container with one of our names, whoever made it."""
        with _engine_errors("listing containers"):
            listed = self._api.containers(all=True)
        found = (_observed_container(item) for item in listed)
        return tuple(c for c in found if _OUR_CONTAINERS.fullmatch(c.name))

    def networks(self) -> tuple[ObservedNetwork, ...]:
        """Return every network with one of our names, whoever made it."""
        with _engine_errors("listing networks"):
            listed = self._api.networks()
        return tuple(
            ObservedNetwork(item["Name"], _spec_label(item))
            for item in listed
            if _OUR_NETWORKS.fullmatch(item["Name"])
        )

    def foreign_subnets(self) -> list[tuple[str, str]]:
        """Return (subnet, network name) of every Docker network that is not ours."""
        with _engine_errors("listing networks"):
            listed = self._api.networks()
        return [
            (config["Subnet"], item["Name"])
            for item in listed
            if (item.get("Labels") or {}).get(OWNER_LABEL) != OWNER
            for config in ((item.get("IPAM") or {}).get("Config") or ())
            if "Subnet" in config
        ]

    def image_id(self, name: str) -> str:
        """Return the id of an image. Raises EngineFailed, saying how to build a missing one."""
        try:
            with _engine_errors(f"looking for image {name}"):
                return str(self._api.inspect_image(name)["Id"])
        except EngineFailed as error:
            if isinstance(error.__cause__, docker.errors.NotFound):
                raise EngineFailed(
                    f"image {name} is missing; `docker compose build` in the checkout makes it"
                ) from error
            raise

    def process(self, container: str) -> int | None:
        """Return the process id of a running container; None when it does not run."""
        try:
            with _engine_errors(f"looking at {container}"):
                state = self._api.inspect_container(container)["State"]
        except EngineFailed as error:
            if isinstance(error.__cause__, docker.errors.NotFound):
                return None
            raise
        return int(state["Pid"]) or None

    def about(self) -> tuple[dict[str, Any], str]:
        """Return what a bug report says of the engine, and this machine's name.

        Not all of it: proxies and registries may hold passwords. Raises EngineFailed.
        """
        with _engine_errors("looking at the engine"):
            info, version = self._api.info(), self._api.version()
        said = {key: info[key] for key in _ABOUT if key in info}
        return {**said, "ApiVersion": version.get("ApiVersion")}, str(info.get("Name", ""))

    def state(self, container: str) -> dict[str, Any]:
        """Return how a container is and what it was made from. Raises EngineFailed."""
        with _engine_errors(f"looking at {container}"):
            found = self._api.inspect_container(container)
        state, config = found["State"], found["Config"]
        return {
            "state": {key: value for key, value in state.items() if key != "Health"},
            "health": (state.get("Health") or {}).get("Status"),
            "image": config.get("Image"),
            "image_id": found.get("Image"),
            "restarts": found.get("RestartCount"),
        }

    def logs(self, container: str, lines: int) -> list[str]:
        """Return the last lines that a container wrote."""
        with _engine_errors(f"reading the log of {container}"):
            text = self._api.logs(container, tail=lines, timestamps=True)
        return [str(line) for line in text.decode(errors="replace").splitlines()]

    def is_replaced(self, container: str) -> bool:
        """Say whether compose has made a successor of `container`, to be started when it ends.

        Until then the successor's name is that of the container behind a prefix.
        """
        with _engine_errors("listing containers"):
            listed = self._api.containers(all=True, filters={"name": f"_{container}$"})
        return bool(listed)

    def events(self) -> Iterator[ContainerEvent]:
        """Yield whenever a container or network of ours changes. Raises EngineFailed."""
        filters = {"label": f"{OWNER_LABEL}={OWNER}", "type": ["container", "network"]}
        with _engine_errors("listening to the engine"):
            stream = self._client.events(decode=True, filters=filters)
            yield ContainerEvent("", "listening")
            for item in stream:
                event = _event(item)
                if not event.action.startswith(_NO_NEWS):
                    yield event

    # --- doing -------------------------------------------------------------------------------

    def perform(self, action: Action) -> None:
        """Carry out one action on containers or networks. Raises EngineFailed."""
        with _engine_errors(f"{action.verb} {action.target}"):
            self._steps[action.verb](action)

    def execute(self, container: str, command: list[str], *, detach: bool = False) -> None:
        """Run a command in a container. Raises EngineFailed with its output when it fails.

        With `detach` nobody waits for its end, and nobody learns of it.
        """
        with _engine_errors(f"running {command[0]} in {container}"):
            handle = self._api.exec_create(container, command)["Id"]
            output = self._api.exec_start(handle, detach=detach)
            if detach:
                return
            code = self._api.exec_inspect(handle)["ExitCode"]
        if code:
            raise EngineFailed(
                f"{command[0]} in {container}: {output.decode(errors='replace').strip()}"
            )

    def end(self, container: str, grace: int) -> bool:
        """Stop a container that no plan knows of and remove it; False when there is none.

        It has `grace` seconds to end in order. Raises EngineFailed, also when it is not ours.
        """
        with _engine_errors(f"removing {container}"):
            try:
                found = self._api.inspect_container(container)
                if (found["Config"].get("Labels") or {}).get(OWNER_LABEL) != OWNER:
                    raise EngineFailed(f"container {container} was not made by Manyways; remove it")
                self._api.stop(container, timeout=grace)
                self._api.remove_container(container, force=True, v=True)
            except docker.errors.NotFound:
                return False
        return True

    def _create_network(self, action: Action) -> None:
        spec = action.item
        assert isinstance(spec, NetworkSpec)
        pool = docker.types.IPAMPool(subnet=str(spec.subnet), gateway=str(spec.gateway))
        self._api.create_network(
            spec.name,
            driver=spec.driver,
            options=dict(spec.options),
            ipam=docker.types.IPAMConfig(pool_configs=[pool]),
            labels={OWNER_LABEL: OWNER, SPEC_LABEL: digest(spec)},
        )

    def _remove_network(self, action: Action) -> None:
        with contextlib.suppress(docker.errors.NotFound):
            self._api.remove_network(action.target)

    def _create_container(self, action: Action) -> None:
        spec = action.item
        assert isinstance(spec, ContainerSpec)
        created = self._api.create_container_from_config(_config(self._api, spec), spec.name)
        try:
            self._api.start(created["Id"])
        except BaseException:
            # A half-made container would look like one that merely stopped.
            with contextlib.suppress(docker.errors.APIError):
                self._api.remove_container(created["Id"], force=True)
            raise

    def _remove_container(self, action: Action) -> None:
        with contextlib.suppress(docker.errors.NotFound):
            if action.target in _IN_ORDER:
                self._api.stop(action.target, timeout=_GRACE_S)
            self._api.remove_container(action.target, force=True, v=True)

    def _start_container(self, action: Action) -> None:
        if self._api.inspect_container(action.target)["State"]["Paused"]:
            self._api.unpause(action.target)
        else:
            self._api.start(action.target)

    def _restart_container(self, action: Action) -> None:
        self._api.restart(action.target, timeout=5)

    def _reload_container(self, action: Action) -> None:
        self._api.kill(action.target, signal="SIGHUP")

    def _connect(self, action: Action) -> None:
        leg = action.item
        assert isinstance(leg, Leg)
        self._api.connect_container_to_network(
            action.target.split()[0], leg.network, ipv4_address=str(leg.address)
        )

    def _disconnect(self, action: Action) -> None:
        container, network = action.target.split()
        with contextlib.suppress(docker.errors.NotFound):
            self._api.disconnect_container_from_network(container, network, force=True)


def _event(item: Mapping[str, Any]) -> ContainerEvent:
    about = (item.get("Actor") or {}).get("Attributes") or {}
    container = str(about.get("name", "")) if item.get("Type") == "container" else ""
    return ContainerEvent(container, str(item.get("Action", "")), str(about.get("signal", "")))


def _spec_label(item: Mapping[str, Any]) -> str:
    labels = item.get("Labels") or {}
    return str(labels.get(SPEC_LABEL, "")) if labels.get(OWNER_LABEL) == OWNER else ""


def _observed_container(item: Mapping[str, Any]) -> ObservedContainer:
    # A container that a name is being given to has a second, temporary one.
    name = min((n.lstrip("/") for n in item["Names"]), key=len)
    networks = (item.get("NetworkSettings") or {}).get("Networks") or {}
    running = item["State"] in ("running", "restarting")
    # "none" and "host" are no legs: they can't be taken off.
    legs = tuple(sorted(networks.keys() - {"none", "host"}))
    return ObservedContainer(name, _spec_label(item), running, legs)


def _mounts(spec: ContainerSpec) -> list[Any]:
    return [
        docker.types.Mount(
            m.target,
            m.volume,
            type="volume",
            read_only=m.read_only,
            no_copy=True,
            subpath=m.subpath or None,
        )
        for m in spec.mounts
    ]


def _bounds(bounds: Bounds | None) -> dict[str, Any]:
    if bounds is None:
        return {}
    return {
        "mem_limit": f"{bounds.memory}m",
        "pids_limit": bounds.processes,
        "oom_score_adj": bounds.expendable,
    }


def _health(words: str) -> dict[str, Any]:
    """Return how Docker asks a container; rarely, because a small machine feels each time."""
    if not words:
        return {"test": ["NONE"]}
    return {
        "test": ["CMD-SHELL", words],
        "interval": 60 * _SECOND,
        "timeout": 20 * _SECOND,
        "start_period": 60 * _SECOND,
        "retries": 3,
    }


def _profile(spec: ContainerSpec) -> list[str]:
    # AppArmor's default profile allows looking at processes under that same profile only.
    return ["apparmor:unconfined"] if spec.pid_mode == "host" else []


def _config(api: Any, spec: ContainerSpec) -> dict[str, Any]:
    host = api.create_host_config(
        network_mode=spec.legs[0].network if spec.legs else spec.network_mode or "none",
        pid_mode=spec.pid_mode or None,
        cap_drop=["ALL"],
        cap_add=list(spec.capabilities),
        security_opt=["no-new-privileges:true", *_profile(spec)],
        read_only=True,
        tmpfs=dict.fromkeys(spec.tmpfs, ""),
        sysctls=dict(spec.sysctls),
        mounts=_mounts(spec),
        devices=[f"{device}:{device}:rwm" for device in spec.devices],
        group_add=list(spec.groups),
        restart_policy={"Name": "unless-stopped" if spec.restart else "no"},
        log_config=docker.types.LogConfig(type="json-file", config=_LOG_OPTIONS),
        **_bounds(spec.bounds),
    )
    endpoints = {
        leg.network: api.create_endpoint_config(
            ipv4_address=str(leg.address), mac_address=leg.mac or None
        )
        for leg in (*spec.legs, *spec.hot_legs)
    }
    config: dict[str, Any] = api.create_container_config(
        spec.image,
        None,
        hostname=spec.name,
        entrypoint=list(spec.entrypoint) or None,
        user=spec.user or None,
        environment=dict(spec.environment),
        labels={OWNER_LABEL: OWNER, ROLE_LABEL: spec.role, SPEC_LABEL: digest(spec)},
        stop_signal=spec.stop_signal,
        healthcheck=_health(spec.health),
        host_config=host,
        networking_config=api.create_networking_config(endpoints),
    )
    return config
