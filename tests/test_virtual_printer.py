"""The sixty-line printer of the examples, judged by Debian's suites and by a client."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.peers.bus import ServiceDiscovery
from tests.peers.ipptool import Suites
from tests.peers.process import Child, clean_environment

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "examples" / "virtual_printer.py"

pytestmark = pytest.mark.peer


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the printer writes what it prints."""
    return tmp_path_factory.mktemp("printed")


@pytest.fixture(scope="module")
def uri(discovery: ServiceDiscovery, printed: Path) -> Iterator[str]:
    """A running printer, by the name `localhost`."""
    command = [sys.executable, EXAMPLE, "Paper saver", "--port", "0", "--folder", printed]
    environment = clean_environment(printed) | {"PYTHONPATH": str(ROOT)}
    child = Child("virtual_printer", command, log=printed / "log", environment=environment)
    child.wait_until(lambda: "/ipp/print\n" in child.log_text(), "it is ready")
    (told,) = (line for line in child.log_text().splitlines() if line.startswith("ipps://"))
    yield f"ipp://localhost:{urlsplit(told).port}/ipp/print"
    child.stop()


@pytest.mark.parametrize("suite", ["ipp-1.1", "ipp-2.0", "ipp-2.1", "ipp-2.2", "ipp-everywhere"])
def test_a_conformance_suite_finds_no_fault(suites: Suites, uri: str, suite: str) -> None:
    result = suites.run_suite(uri, suite)
    assert result.failed == 0, result
    assert result.passed > 30


def test_a_document_is_printed_as_it_is(uri: str, printed: Path, suites: Suites) -> None:
    document = suites.document("document-a4.pdf")
    words = [
        sys.executable,
        ROOT / "examples" / "print_file.py",
        uri.replace("ipp:", "ipps:"),
        document,
        "--any-certificate",
    ]
    environment = clean_environment(printed) | {"PYTHONPATH": str(ROOT)}
    before = set(printed.glob("*.pdf"))
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, env=environment)
    assert done.returncode == 0, done.stderr
    (new,) = set(printed.glob("*.pdf")) - before
    assert new.read_bytes() == document.read_bytes()


def test_it_is_as_short_as_it_says() -> None:
    assert len(EXAMPLE.read_text().splitlines()) < 60
