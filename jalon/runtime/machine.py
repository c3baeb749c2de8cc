"""What the machine must offer before anything is started: disk, tools and ports, each told in one sentence."""

from __future__ import annotations

import errno
import shutil
import socket
from pathlib import Path

import psutil

from jalon.errors import DiskFull, JalonError, PortInUse
from jalon.ports import LOOPBACK
from jalon.runtime.kafka import find_java
from jalon.settings import Settings, variable

_USERS = {
    "kafka_port": "Kafka",
    "kafka_controller_port": "Kafka's controller",
    "clickhouse_port": "ClickHouse",
    "lrs_port": "the LRS",
    "boards_port": "the boards",
    "webhooks_port": "the webhooks",
}
_MIB = 1024 * 1024


def check_machine(settings: Settings) -> None:
    """Raise the first thing that would keep the product from running: MissingTool or PortInUse."""
    if settings.runtime == "embedded":
        find_java()
    for name in settings.ports():
        check_port(settings, name)


def check_disk(directory: Path, minimum_mib: int) -> None:
    """Raise DiskFull when less than `minimum_mib` MiB are free where `directory` is, or will be."""
    place = directory
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free // _MIB
    if free < minimum_mib:
        raise DiskFull(
            f"Only {free} MiB are free on the disk of {directory}, and {minimum_mib} are needed: free some, "
            "choose another directory with JALON_DATA_DIR, or lower JALON_MINIMUM_FREE_MIB."
        )


def check_port(settings: Settings, name: str) -> None:
    """Raise PortInUse when the port of the setting `name` cannot be listened on."""
    port: int = getattr(settings, name)
    hosts = {
        "lrs_port": settings.lrs_host,
        "boards_port": settings.boards_host,
        "webhooks_port": settings.webhooks_host,
    }
    host = hosts.get(name, LOOPBACK)
    family, *_, address = _resolve(host, port, name)
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As servers do: a port that a connection of a former run still lingers on is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            reason = error
        else:
            return
    if reason.errno == errno.EADDRINUSE:
        raise PortInUse(
            f"Port {port}, wanted by {_USERS[name]}, is in use{_name_holder(port)}: "
            f"stop that program, or choose another port with {variable(name)}."
        )
    raise PortInUse(
        f"{_USERS[name]} cannot listen on {host}:{port} ({reason.strerror}): choose another with {variable(name)}."
    )


def _resolve(host: str, port: int, name: str) -> tuple[int, int, int, str, tuple[str, int] | tuple[str, int, int, int]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError:
        setting = variable(name.replace("_port", "_host"))
        raise JalonError(f"{setting}={host} is not an address of this machine.") from None
    return found[0]  # type: ignore[return-value]  # TCP addresses only


def _name_holder(port: int) -> str:
    """Name the program that listens on a port, where the system lets us see it."""
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.laddr and connection.laddr.port == port and connection.status == psutil.CONN_LISTEN:
                return (
                    f" by {psutil.Process(connection.pid).name()} (process {connection.pid})" if connection.pid else ""
                )
    except psutil.Error:
        return ""
    return ""
