"""Real browsers of Bonjour printers (avahi-browse, ippfind, driverless) and a second host to browse from.

Hosts are network namespaces joined by a virtual cable. A namespace lives only as long as its one process, so
nothing is left behind even when the test run is killed.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.peers.bus import ServiceDiscovery, start_discovery
from tests.peers.process import (
    Child,
    MissingProgramError,
    clean_environment,
    find_program,
    run_program,
    scratch_folder,
)

CABLE = "eth0"


@dataclass(frozen=True, slots=True)
class Service:
    """A service as avahi-browse resolved it."""

    interface: str
    protocol: str
    name: str
    service_type: str
    host: str
    address: str
    port: int
    txt: Mapping[str, str]


def _unescape(text: str) -> str:
    r"""Undo avahi's `\DDD` (decimal octets) and `\X`."""
    octets = re.sub(
        rb"\\(\d{3}|.)",
        lambda found: bytes([int(found[1])]) if len(found[1]) == 3 else found[1],
        text.encode(),
    )
    return octets.decode()


def read_browse_output(output: str) -> list[Service]:
    """Resolved services of `avahi-browse --parsable`, each once for an interface and protocol."""
    services = []
    for line in output.splitlines():
        fields = line.split(";", 9)
        if fields[0] != "=" or len(fields) < 9:
            continue
        _, interface, protocol, name, service_type, _, host, address, port = fields[:9]
        pairs = (pair.partition("=") for pair in shlex.split(fields[9] if len(fields) > 9 else ""))
        txt = {key: value for key, _, value in pairs}
        services.append(
            Service(interface, protocol, _unescape(name), service_type, host, address, int(port), txt)
        )
    return services


def browse(discovery: ServiceDiscovery, service_type: str, *, prefix: Sequence[str] = ()) -> list[Service]:
    """All services of a type (`_ipp._tcp`) or subtype (`_universal._sub._ipp._tcp`), resolved."""
    done = run_program(
        [
            find_program("avahi-browse"),
            *("--parsable", "--resolve", "--terminate", "--no-db-lookup"),
            service_type,
        ],
        environment=discovery.environment,
        prefix=prefix,
    )
    return read_browse_output(done.stdout)


def ippfind(
    discovery: ServiceDiscovery, *words: str, wait_s: int = 3, prefix: Sequence[str] = ()
) -> list[str]:
    """URIs that `ippfind` lists; `words` are types with subtypes (`_ipps._tcp,_print`) and expressions."""
    done = run_program(
        [find_program("ippfind"), "-T", str(wait_s), *words],
        environment=discovery.environment,
        check=False,  # it ends with 1 when it found nothing
        prefix=prefix,
    )
    assert done.returncode in (0, 1), done.stderr
    return done.stdout.splitlines()


def list_driverless(discovery: ServiceDiscovery, *, prefix: Sequence[str] = ()) -> list[str]:
    """URIs of the printers that cups-filters would set up without a driver.

    Its status is that of the `ippfind` it starts, which is 2 where one of all the printers on the network
    does not answer in time (one that ended without a word): what was found is printed all the same.
    """
    command = [find_program("driverless")]
    done = run_program(command, environment=discovery.environment, prefix=prefix, check=False)
    return done.stdout.splitlines()


def make_driverless_ppd(discovery: ServiceDiscovery, uri: str, *, prefix: Sequence[str] = ()) -> str:
    """The PPD that cups-filters makes of a printer's attributes."""
    return run_program(
        [find_program("driverless"), uri], environment=discovery.environment, prefix=prefix
    ).stdout


@dataclass(frozen=True, slots=True)
class Host:
    """A network namespace: run a program in it by putting `prefix` before its command."""

    name: str
    address: str
    prefix: tuple[str, ...]
    environment: Mapping[str, str]

    def run(self, *command: str | Path) -> str:
        """Output of a command on this host. Raises AssertionError when it fails."""
        return run_program(command, environment=self.environment, prefix=self.prefix).stdout


@contextmanager
def start_hosts(*names: str) -> Iterator[tuple[Host, Host]]:
    """Two hosts of these names on one cable, 10.77.0.1 and 10.77.0.2, apart from every real network.

    Raises MissingProgramError where the tests may not make namespaces.
    """
    if os.geteuid() != 0:
        raise MissingProgramError("two hosts need network namespaces, which only root may join by a cable")
    ip = find_program("ip")
    with ExitStack() as stack:
        folder = stack.enter_context(scratch_folder("hosts"))
        environment = clean_environment(folder)
        first, second = (stack.enter_context(_start_host(name, folder, environment)) for name in names)
        run_program(
            [
                *(ip, "link", "add", CABLE, "netns", str(first.pid)),
                *("type", "veth", "peer", "name", CABLE, "netns", str(second.pid)),
            ],
            environment=environment,
        )
        hosts = []
        for number, (name, holder) in enumerate(zip(names, (first, second), strict=True), start=1):
            prefix = (find_program("nsenter"), "-t", str(holder.pid), "--net", "--mount", "--uts", "--")
            host = Host(name, f"10.77.0.{number}", prefix, environment)
            host.run(ip, "address", "add", f"{host.address}/24", "dev", CABLE)
            host.run(ip, "link", "set", CABLE, "up")
            host.run(ip, "route", "add", "224.0.0.0/4", "dev", CABLE)
            hosts.append(host)
        yield hosts[0], hosts[1]


@contextmanager
def _start_host(name: str, folder: Path, environment: Mapping[str, str]) -> Iterator[Child]:
    hold = (
        f"mount -t tmpfs tmpfs /run && echo {shlex.quote(name)} >/proc/sys/kernel/hostname && "
        f"{find_program('ip')} link set lo up && echo ready && exec sleep infinity"
    )
    command = [find_program("unshare"), "--net", "--mount", "--uts", "/bin/sh", "-c", hold]
    with Child(f"host {name}", command, log=folder / f"{name}.log", environment=environment) as holder:
        holder.wait_until(lambda: "ready" in holder.log_text(), "its network")
        yield holder


@contextmanager
def start_responder(host: Host) -> Iterator[ServiceDiscovery]:
    """A bus and an mDNS responder on a host, listening on the cable only."""
    with start_discovery(host_name=host.name, interface=CABLE, prefix=host.prefix) as discovery:
        yield discovery
