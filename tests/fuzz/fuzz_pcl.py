"""Any octets have a report, the same in any chunking, and nothing is raised.

    python tests/fuzz/fuzz_pcl.py [libFuzzer flags] [corpus folders]

Without a corpus folder it starts from the samples in tests/data/pcl. The first octet of an input says how it
is cut. Formats that a worker process reads are left out: a fuzzer cannot see into another process.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["pcl"]):
    import pcl.language
    from pcl.detect import detect_format
    from pcl.language import BLOCK_OCTETS, UEL, LanguageAnalyzer
    from pcl.pcl5 import Pcl5
    from pcl.pclxl import PclXl
    from pcl.pjl import Pjl
    from pcl.report import Analyzer, Report

SEEDS = Path(__file__).parent.parent / "data" / "pcl"
ENVIRONMENT = {"COPIES": "2", "DUPLEX": "ON", "FORMLINES": "64"}


def analyzer_of(octets: bytes) -> Analyzer:
    """The language that the octets look like, PJL before it stepped over."""
    if detect_format(octets[:1024]).endswith("PCLXL"):
        return LanguageAnalyzer(PclXl(ENVIRONMENT))
    return LanguageAnalyzer(Pcl5(ENVIRONMENT))


def report_of(octets: bytes, size: int) -> Report:
    analyzer = analyzer_of(octets)
    for at in range(0, len(octets), size):
        analyzer.feed(octets[at : at + size])
    return analyzer.finish()


def check(octets: bytes) -> None:
    """One input: whole and cut, in its language."""
    if not octets:
        return
    size, octets = octets[0] + 1, octets[1:]
    pjl = Pjl()
    octets = octets[pjl.scan(octets, 0, 0, True) :] if octets.startswith(UEL) else octets
    whole = report_of(octets, max(1, len(octets)))
    pcl.language.BLOCK_OCTETS = size  # else so little would be scanned at once at the end
    assert report_of(octets, size) == whole
    pcl.language.BLOCK_OCTETS = BLOCK_OCTETS
    assert whole.octets <= len(octets)
    whole.to_json()


def main() -> None:
    arguments = sys.argv
    if all(argument.startswith("-") for argument in arguments[1:]):
        corpus = Path(tempfile.mkdtemp(prefix="fuzz-pcl-"))
        for seed in SEEDS.iterdir():
            if seed.suffix in {".pcl", ".pxl"}:
                shutil.copy(seed, corpus)
        arguments = [*arguments, "-max_len=8192", str(corpus)]
    atheris.Setup(arguments, check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
