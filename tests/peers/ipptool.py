"""Debian's conformance suites (`ipptool` and its `.test` files) against any printer.

python -m tests.peers.ipptool ipp://localhost:8631/ipp/print/direct ipp-2.2
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.peers.documents import documents_named_by, make_document
from tests.peers.process import clean_environment, find_program, run_program, scratch_folder

SHIPPED_SUITES = Path("/usr/share/cups/ipptool")
CONFORMANCE_SUITES = ("ipp-1.1", "ipp-2.0", "ipp-2.1", "ipp-2.2", "ipp-everywhere")
WRITERS = 2

# A step's line ends with its outcome; a repeated request shows its number there and is no step.
_STEP = re.compile(r"^    (?! )(?P<name>.+?)\s+\[(?P<outcome>PASS|FAIL|SKIP|\d{4})\]$")


@dataclass(frozen=True, slots=True)
class Failure:
    """A step that failed, with ipptool's lines on what it got and what it expected."""

    name: str
    lines: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join((self.name, *(f"    {line}" for line in self.lines)))


@dataclass(frozen=True, slots=True)
class SuiteResult:
    """Counts over all files that a suite includes; ipptool's own summary covers only the outermost."""

    suite: str
    passed: int
    failed: int
    skipped: int
    failures: tuple[Failure, ...]
    skipped_steps: tuple[str, ...]
    output: str

    @property
    def counts(self) -> tuple[int, int, int]:
        """(passed, failed, skipped)"""
        return self.passed, self.failed, self.skipped

    def __str__(self) -> str:
        head = f"{self.suite}: {self.passed} passed, {self.failed} failed, {self.skipped} skipped"
        return "\n".join((head, *(str(failure) for failure in self.failures)))


def read_report(suite: str, output: str) -> SuiteResult:
    """Count the steps of `ipptool -t` and gather what it says about those that failed."""
    counts = {"PASS": 0, "FAIL": 0, "SKIP": 0}
    failures: list[Failure] = []
    skipped: list[str] = []
    failing: str | None = None
    lines: list[str] = []

    def close() -> None:
        if failing is not None:
            failures.append(Failure(failing, tuple(lines)))

    for line in output.splitlines():
        step = _STEP.match(line)
        if step is None:
            if line.startswith("        "):
                lines.append(line.strip())
            continue
        close()
        failing, lines = None, []
        if step["outcome"] not in counts:
            continue
        counts[step["outcome"]] += 1
        if step["outcome"] == "FAIL":
            failing = step["name"]
        elif step["outcome"] == "SKIP":
            skipped.append(step["name"])
    close()
    return SuiteResult(
        suite, counts["PASS"], counts["FAIL"], counts["SKIP"], tuple(failures), tuple(skipped), output
    )


@dataclass(frozen=True, slots=True)
class Suites:
    """A folder with the `.test` files and, once they are needed, the documents that they print."""

    folder: Path

    def document(self, name: str) -> Path:
        """A document of the folder, made on first use."""
        path = self.folder / name
        if not path.exists() and make_document(self.folder, name) is None:
            raise FileNotFoundError(f"{name} is no document of the conformance suites")
        return path

    def make_documents(self, suite: str) -> set[str]:
        """Make what this suite prints, where it is not there yet; the names."""
        names = documents_named_by(self.folder / f"{suite}.test")
        with ThreadPoolExecutor(WRITERS) as writers:
            list(writers.map(self.document, sorted(names)))
        return names

    def run_suite(
        self,
        uri: str,
        suite: str,
        document: str = "document-letter.pdf",
        *,
        upgrade: bool = False,
        tls: bool = False,
        version: str | None = None,
        user: str | None = None,
        defines: Mapping[str, str] | None = None,
        timeout_s: float = 240.0,
    ) -> SuiteResult:
        """Run one `.test` file over a printer.

        `upgrade` asks for TLS inside HTTP (`-E`, RFC 2817), `tls` starts with it (`-S`). `version` is the IPP
        version of the requests ("1.1" to "2.2"), ipptool's own default otherwise.
        Raises AssertionError when ipptool did not come to a single step.
        """
        self.make_documents(suite)
        words: list[str | Path] = ["-tI", "-f", self.document(document)]
        # With a timeout of its own, ipptool 2.4 by TLS connects anew for ever, over any printer.
        words += ["-T", "30"] if not (upgrade or tls) else []
        words += ["-E"] if upgrade else []
        words += ["-S"] if tls else []
        words += ["-V", version] if version is not None else []
        for name, value in (defines or {}).items():
            words += ["-d", f"{name}={value}"]
        environment = clean_environment(self.folder)
        if user is not None:
            environment["CUPS_USER"] = user
        done = run_program(
            [find_program("ipptool"), *words, uri, self.folder / f"{suite}.test"],
            environment=environment,
            timeout_s=timeout_s,
            check=False,
        )
        result = read_report(suite, done.stdout)
        assert sum(result.counts) > 0, f"{suite} on {uri}: {done.stdout}\n{done.stderr}"
        return result


@contextmanager
def prepare_suites() -> Iterator[Suites]:
    """Copy Debian's suites to a scratch folder, where documents can be put beside them."""
    with scratch_folder("suites") as folder:
        for test in SHIPPED_SUITES.glob("*.test"):
            shutil.copy(test, folder)
        yield Suites(folder)


def main(arguments: list[str]) -> int:
    """Run suites over a printer by hand: URI, then suites (all of them if none is named)."""
    if not arguments:
        print(__doc__, file=sys.stderr)
        return 2
    uri, *suites = arguments
    failed = 0
    with prepare_suites() as prepared:
        for suite in suites or CONFORMANCE_SUITES:
            result = prepared.run_suite(uri, suite)
            failed += result.failed
            print(result)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
