"""Fixtures that hand the rig to tests: each peer is started once a session, when first asked for."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.peers.bus import ServiceDiscovery, use_discovery
from tests.peers.cupsd import CupsServer, start_cupsd
from tests.peers.dnssd import Host, start_hosts
from tests.peers.ippeveprinter import IppEvePrinter, start_ippeveprinter
from tests.peers.ipptool import Suites, prepare_suites
from tests.peers.process import Child, MissingProgramError

REPORTED_LOG_CHARACTERS = 8000
_log_starts = pytest.StashKey[dict[Child, int]]()


@pytest.fixture(scope="session")
def discovery() -> Iterator[ServiceDiscovery]:
    """The mDNS responder of this machine, or one of our own on the loopback interface."""
    with use_discovery() as found:
        yield found


@pytest.fixture(scope="session")
def shared_eve_printer(discovery: ServiceDiscovery) -> Iterator[IppEvePrinter]:
    with start_ippeveprinter(discovery) as printer:
        yield printer


@pytest.fixture
def eve_printer(shared_eve_printer: IppEvePrinter) -> IppEvePrinter:
    """A real printer, which has received nothing yet."""
    shared_eve_printer.forget()
    return shared_eve_printer


@pytest.fixture
def start_eve_printer(discovery: ServiceDiscovery) -> Iterator[Callable[..., IppEvePrinter]]:
    """Start further printers, with the arguments of `start_ippeveprinter`; they end with the test."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(start_ippeveprinter(discovery, **options))


@pytest.fixture(scope="session")
def cups_server(discovery: ServiceDiscovery) -> Iterator[CupsServer]:
    """A spooler; tests add queues of their own names."""
    with start_cupsd(discovery.environment) as server:
        yield server


@pytest.fixture(scope="session")
def two_hosts() -> Iterator[tuple[Host, Host]]:
    """Two hosts on a cable of their own: one to serve, one to browse and print from."""
    with ExitStack() as stack:
        try:
            pair = stack.enter_context(start_hosts("print", "desk"))
        except MissingProgramError as error:
            pytest.skip(str(error))  # an unprivileged user cannot join two network namespaces by a cable
        yield pair


@pytest.fixture(scope="session")
def suites() -> Iterator[Suites]:
    """Debian's conformance suites with all their documents."""
    with prepare_suites() as prepared:
        yield prepared


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Remember how much each running peer has logged, so that a failure shows only what came after."""
    item.stash[_log_starts] = {
        child: child.log.stat().st_size for child in Child.running if child.log.exists()
    }


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Attach what the peers logged during a failing test to its report."""
    report = yield
    if report.failed:
        starts = item.stash.get(_log_starts, {})
        for child in Child.running:
            if child.log.exists():
                text = child.log_text(starts.get(child, 0))
                if text.strip():
                    report.sections.append((f"log of {child.name}", text[-REPORTED_LOG_CHARACTERS:]))
    return report
