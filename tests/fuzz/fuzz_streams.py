"""Any octets have a report, the same in any chunking: whole streams with PJL and UELs, plain text, DSC.

    python tests/fuzz/fuzz_streams.py [libFuzzer flags] [corpus folders]

The first octet of an input says how it is cut. Formats that a worker process reads count as unknown here: a
fuzzer cannot see into another process.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["pcl"]):
    import pcl.analyze
    import pcl.language
    from pcl.analyze import ANALYZERS, StreamAnalyzer
    from pcl.detect import TEXT, detect_format
    from pcl.language import BLOCK_OCTETS, UEL
    from pcl.postscript import PostScriptAnalyzer
    from pcl.report import Analyzer, Report
    from pcl.text import TextAnalyzer

OURS = {"image/pwg-raster", "image/urf", TEXT}
SAMPLES = Path(__file__).parent.parent / "data"
PJL = UEL + b'@PJL JOB NAME="x"\r\n@PJL SET COPIES=2\n@PJL SET DUPLEX = ON\r\n@PJL COMMENT "Username: ada"\n'
SEEDS = (
    PJL + b"@PJL ENTER LANGUAGE=PCL\nx\f" + PJL + b"y" + UEL + b"@PJL EOJ\n" + UEL,
    PJL + b"@PJL ENTER LANGUAGE=PCLXL\n) HP-PCL XL;2;0\n" + UEL + b"@PJL RESET\n",
    PJL + b"@PJL ENTER LANGUAGE=HPGL2\nIN;SP1;PD5,5;PG;" + UEL,
    PJL + b'@PJL FSDOWNLOAD FORMAT:BINARY SIZE=3 NAME="0:x"\nabc@PJL SET JOBATTR="JobAcct1=b"\n',
    b"a\tline\r\nanother \xe4\xb8\x96\f\n\r\x00",
    b"%!PS-Adobe-3.0\n%%Title: (t)\n%%Pages: (atend)\n%%DocumentProcessColors: Black\n%%EndComments\n"
    b"%%Page: 1 1\n%%PageProcessColors: Cyan\n%%BeginDocument: x\n%%EndDocument\nshowpage\n"
    b"%%Trailer\n%%Pages: 1\n%%EOF\n",
)


def report_of(analyzer: Analyzer, octets: bytes, size: int) -> Report:
    for at in range(0, len(octets), size):
        analyzer.feed(octets[at : at + size])
    return analyzer.finish()


def comments_alone() -> Analyzer:
    return PostScriptAnalyzer(measure="never")


def check(octets: bytes) -> None:
    """One input: whole and cut, as a stream and as what it might be."""
    if not octets:
        return
    size, octets = octets[0] + 1, octets[1:]
    detect_format(octets[:1024])
    makers: tuple[Callable[[], Analyzer], ...] = (StreamAnalyzer, TextAnalyzer, comments_alone)
    for make in makers:
        whole = report_of(make(), octets, max(1, len(octets)))
        pcl.language.BLOCK_OCTETS = size  # else so little would be scanned at once at the end
        assert report_of(make(), octets, size) == whole
        pcl.language.BLOCK_OCTETS = BLOCK_OCTETS
        assert whole.octets == len(octets)
        whole.to_json()


def main() -> None:
    pcl.analyze.ANALYZERS = {name: make for name, make in ANALYZERS.items() if name in OURS}
    arguments = sys.argv
    if all(argument.startswith("-") for argument in arguments[1:]):
        corpus = Path(tempfile.mkdtemp(prefix="fuzz-streams-"))
        samples = [path.read_bytes()[:4096] for path in SAMPLES.glob("*/gs-*")]
        for number, seed in enumerate((*SEEDS, *samples)):
            (corpus / str(number)).write_bytes(b"\x07" + seed)
        arguments = [*arguments, "-max_len=4096", str(corpus)]
    atheris.Setup(arguments, check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
