"""How fast PWG and Apple Raster are read: ours beside the CUPS library on the same files, in one run.

The pages are A4 at 300 dots an inch, black text of 45 lines of some 75 letters in 12 points, as Ghostscript
renders it: with hard edges, and smooth. CUPS expands the pixels; ours walks the compressed lines,
which counts the pages and says whether they show colour. The decoder that a converter uses is shown too.
"""

from __future__ import annotations

import random
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from pcl.raster import RasterDecoder, Rows
from pcl.raster_analyzer import RasterAnalyzer
from tests.peers.cups_raster import read_pages

PAGES = 8
ROUNDS = 3
LINES = 45
WANTED_PAGES_PER_S = 50
GHOSTSCRIPT = (
    *("gs", "-q", "-dBATCH", "-dNOPAUSE", "-sPAPERSIZE=a4", "-r300"),
    *("-dcupsBitsPerColor=8", "-dcupsColorOrder=0"),
)
SPACES = {"sRGB": 19, "sgray": 18, "CMYK": 6}


def make_text() -> str:
    """PostScript of text pages, the same in every run."""
    chance = random.Random(5102)
    letters = "eeeeeetttttaaaaoooooiiiinnnnssshhhrrrdddlluuccmmffwwyygppbbvk"
    lines = ["%!PS", "/Times-Roman findfont 12 scalefont setfont"]
    for _ in range(PAGES):
        for line in range(LINES):
            words: list[str] = []
            while sum(map(len, words)) + len(words) < 75:
                words.append("".join(chance.choices(letters, k=chance.randint(1, 9))))
            lines.append(f"72 {760 - 15 * line} moveto ({' '.join(words)}) show")
        lines.append("showpage")
    return "\n".join(lines)


def render(device: str, space: str, smooth: bool, script: Path, out: Path) -> None:
    bits = "-dTextAlphaBits=4" if smooth else "-dTextAlphaBits=1"
    command = [
        *GHOSTSCRIPT,
        bits,
        f"-dcupsColorSpace={SPACES[space]}",
        f"-sDEVICE={device}",
        f"-sOutputFile={out}",
        str(script),
    ]
    subprocess.run(command, check=True, capture_output=True)


def analyse(path: Path) -> int:
    analyser = RasterAnalyzer()
    with path.open("rb") as file:
        while chunk := file.read(1 << 18):
            analyser.feed(chunk)
    report = analyser.finish()
    assert (report.colour_pages, report.warnings) == (0, ())
    return report.pages or 0


def decode(path: Path) -> int:
    decoder, pages = RasterDecoder(), 0
    with path.open("rb") as file:
        while chunk := file.read(1 << 18):
            for event in decoder.feed(chunk):
                pages += not isinstance(event, Rows)
    decoder.finish()
    return pages


def expand(path: Path) -> int:
    return sum(1 for _ in read_pages(path))


def rate(read: Callable[[Path], int], path: Path) -> float:
    """Pages a second of processor time, the best of some rounds."""
    best = 0.0
    for _ in range(ROUNDS):
        start = time.process_time()
        assert read(path) == PAGES
        best = max(best, PAGES / (time.process_time() - start))
    return best


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        script = Path(directory) / "text.ps"
        script.write_text(make_text())
        for device, space in (
            ("pwgraster", "sRGB"),
            ("urf", "sRGB"),
            ("pwgraster", "sgray"),
            ("pwgraster", "CMYK"),
        ):
            for smooth in (False, True):
                path = Path(directory) / f"text.{device}"
                render(device, space, smooth, script, path)
                name = f"{device}, {space}, {'smooth' if smooth else 'hard'} edges"
                octets = path.stat().st_size // PAGES
                ours, rows, cups = (rate(read, path) for read in (analyse, decode, expand))
                print(f"{name:<30}{octets:>10,} octets a page")
                print(f"  ours, counting     {ours:8.1f} pages/s  (wanted: {WANTED_PAGES_PER_S})")
                print(f"  ours, to rows      {rows:8.1f} pages/s")
                print(f"  libcups, to rows   {cups:8.1f} pages/s  ratio of counting: {ours / cups:.2f}")


if __name__ == "__main__":
    main()
