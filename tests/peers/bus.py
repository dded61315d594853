"""A message bus and an mDNS responder of the rig's own, because ippeveprinter does not start without both.

Both are private: the bus has a socket in a scratch folder, the responder a mount namespace (its process id
and socket have fixed places under /run) and only the loopback interface, so that no test announces a printer
to the network it happens to run in. Where a responder answers already, that one is used.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.peers.process import Child, clean_environment, find_program, scratch_folder

_BUS_CONFIGURATION = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>custom</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <auth>ANONYMOUS</auth>
  <allow_anonymous/>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
  </policy>
</busconfig>
"""

_RESPONDER_CONFIGURATION = """[server]
host-name={host_name}
use-ipv4=yes
use-ipv6=no
allow-interfaces={interface}
ratelimit-burst=0
[wide-area]
enable-wide-area=no
[publish]
publish-workstation=no
publish-hinfo=no
publish-addresses={publish_addresses}
[rlimits]
"""


@dataclass(frozen=True, slots=True)
class ServiceDiscovery:
    """How programs reach the responder: give `environment` to each that announces or browses."""

    environment: Mapping[str, str]
    host_name: str
    """Host part that the responder puts in SRV records, with `.local`; empty for one found running."""


@contextmanager
def start_discovery(
    *, host_name: str, interface: str = "lo", prefix: Sequence[str] = ()
) -> Iterator[ServiceDiscovery]:
    """Start a bus and a responder; `prefix` runs both elsewhere, as in a network namespace."""
    shared = interface == "lo"
    with ExitStack() as stack:
        folder = stack.enter_context(scratch_folder("bus"))
        bus_address = f"unix:path={folder / 'bus'}"
        environment = clean_environment(folder, DBUS_SYSTEM_BUS_ADDRESS=bus_address)
        bus_file, responder_file = folder / "bus.conf", folder / "avahi.conf"
        bus_file.write_text(_BUS_CONFIGURATION.format(socket=folder / "bus"))
        responder_file.write_text(
            _RESPONDER_CONFIGURATION.format(
                host_name=host_name, interface=interface, publish_addresses="no" if shared else "yes"
            )
        )
        bus = stack.enter_context(
            Child(
                "dbus-daemon",
                [find_program("dbus-daemon"), f"--config-file={bus_file}", "--nofork", "--nopidfile"],
                log=folder / "dbus.log",
                environment=environment,
                prefix=prefix,
            )
        )
        bus.wait_until((folder / "bus").exists, "its socket")
        # avahi-daemon takes no other place than /run/avahi-daemon: give it a /run that only it sees.
        private_run = "mount -t tmpfs tmpfs /run && mkdir /run/avahi-daemon && exec"
        start = (
            f'{private_run} {find_program("avahi-daemon")} -f "$0" --no-drop-root --no-chroot --no-rlimits'
        )
        unshare = [find_program("unshare"), "--mount"]
        if os.geteuid() != 0:
            # Appear as the user that it insists on giving its folder to.
            unshare += ["--map-user=avahi", "--map-group=avahi", "--keep-caps"]
        responder = stack.enter_context(
            Child(
                "avahi-daemon",
                [*unshare, "/bin/sh", "-c", start, responder_file],
                log=folder / "avahi.log",
                environment=environment,
                prefix=prefix,
            )
        )
        responder.wait_until(lambda: "Server startup complete" in responder.log_text(), "its host name")
        if shared:
            # Test runs at the same time would each claim the reverse name of 127.0.0.1, and none would win.
            name = f"{host_name}.local"
            address = stack.enter_context(
                Child(
                    "avahi-publish",
                    [find_program("avahi-publish"), "--address", "--no-reverse", name, "127.0.0.1"],
                    log=folder / "avahi-publish.log",
                    environment=environment,
                )
            )
            address.wait_until(lambda: "Established" in address.log_text(), "its address")
        yield ServiceDiscovery(environment, f"{host_name}.local")


def find_running_discovery() -> ServiceDiscovery | None:
    """The system's own responder, if one answers."""
    environment = clean_environment(Path("/nonexistent"))
    try:
        asked = subprocess.run(
            [find_program("avahi-browse"), "--terminate", "--no-db-lookup", "_pullprint-probe._tcp"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=5,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None
    return ServiceDiscovery(environment, "") if asked.returncode == 0 else None


@contextmanager
def use_discovery() -> Iterator[ServiceDiscovery]:
    """The responder that runs already, else one of our own for as long as the context lasts."""
    running = find_running_discovery()
    if running is not None:
        yield running
        return
    with start_discovery(host_name=f"pullprint-rig-{os.getpid()}") as own:
        yield own
