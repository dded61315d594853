"""How fast PCL XL and PCL 5 are counted: ours beside the open interpreter (gpcl6) on the same files.

Ghostscript makes the files when the program starts: drawings of many short operators, text in downloaded and
in outline fonts, pages that are one picture; and raster pages, as a phone sends them, become PCL XL. The
interpreter is found by GPCL6=/path/to/gpcl6 or on the PATH; without it only our figures are shown. It runs
twice: with a device that keeps no pixels (bbox), and painting them in grey at 300 dots an inch. Its own start
is shown, so that the ratio can be read without it.
"""

from __future__ import annotations

import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pcl

ROUNDS = 3
PAGES = 6
CHUNK_OCTETS = 1 << 20
IMAGE_OCTETS = 256 << 20
WANTED_RATIO = 20
WANTED_DENSE_MB_S = 50
WANTED_IMAGE_MB_S = 2000
WANTED_GROWTH_MIB = 32


def make_drawing(colour: bool) -> str:
    """PostScript of pages full of short strokes, curves and small filled shapes."""
    chance = random.Random(2117)
    lines = ["%!PS"]
    for _ in range(PAGES):
        for _ in range(4000):
            x, y, dx, dy = (
                chance.randint(40, 500),
                chance.randint(40, 750),
                chance.randint(-40, 40),
                chance.randint(-40, 40),
            )
            paint = " ".join(f"{chance.random():.2f}" for _ in range(3)) + " setrgbcolor" if colour else ""
            if chance.random() < 0.5:
                lines.append(f"{paint} newpath {x} {y} moveto {dx} {dy} rlineto {dy} {dx} rlineto stroke")
            elif chance.random() < 0.5:
                lines.append(
                    f"{paint} newpath {x} {y} moveto {dx} 0 {dy} {dx} 9 {dy} rcurveto closepath fill"
                )
            else:
                lines.append(f"{paint} {x} {y} {abs(dx) + 1} {abs(dy) + 1} rectfill")
        lines.append("showpage")
    return "\n".join(lines)


def make_text() -> str:
    """PostScript of pages of text in two fonts."""
    chance = random.Random(5102)
    lines = ["%!PS"]
    for page in range(PAGES):
        font = "Times-Roman" if page % 2 else "Courier"
        lines.append(f"/{font} findfont 11 scalefont setfont")
        for line in range(50):
            words = ("".join(chance.choices("etaoinshrdlu", k=chance.randint(1, 9))) for _ in range(12))
            lines.append(f"50 {770 - 14 * line} moveto ({' '.join(words)}) show")
        lines.append("showpage")
    return "\n".join(lines)


def make_picture() -> str:
    """PostScript of pages that are one noisy picture each."""
    row = "{256 string 0 1 255 {1 index exch rand 255 and put} for}"
    picture = f"gsave 500 700 scale 256 256 8 [256 0 0 256 0 0] {row} image grestore showpage"
    return "%!PS\n" + "\n".join([picture] * 4)


def make_files(folder: Path) -> dict[str, list[Path]]:
    """Render everything to everything; the drawings are the operator-dense files."""
    sources = {
        "drawing": make_drawing(False),
        "colours": make_drawing(True),
        "text": make_text(),
        "picture": make_picture(),
    }
    files: dict[str, list[Path]] = {"dense": [], "other": [], "raster": [], "pcl5": []}
    for name, script in sources.items():
        source = folder / f"{name}.ps"
        source.write_text(script)
        for device in ("pxlmono", "pxlcolor", "ljet4", "cljet5c"):
            out = folder / f"{name}.{device}"
            resolution = "-r600" if device.startswith("pxl") else "-r300"
            command = ["gs", "-q", "-dBATCH", "-dNOPAUSE", resolution, "-sPAPERSIZE=a4", f"-sDEVICE={device}"]
            subprocess.run([*command, f"-sOutputFile={out}", str(source)], check=True, capture_output=True)
            dense = name in ("drawing", "colours")
            files["pcl5" if not device.startswith("pxl") else "dense" if dense else "other"].append(out)
        if name in ("text", "colours"):
            files["raster"] += make_raster_pages(source, folder)
    return files


def make_raster_pages(source: Path, folder: Path) -> list[Path]:
    """Render to PWG Raster as a phone does, and turn that into PCL XL in each compression."""
    raster = folder / f"{source.stem}.pwg"
    command = [
        "gs",
        "-q",
        "-dBATCH",
        "-dNOPAUSE",
        "-r300",
        "-sPAPERSIZE=a4",
        "-sDEVICE=pwgraster",
        "-dLastPage=4",
    ]
    command += ["-dcupsColorSpace=19", "-dcupsBitsPerColor=8", "-dcupsColorOrder=0", "-dTextAlphaBits=4"]
    subprocess.run([*command, f"-sOutputFile={raster}", "-f", str(source)], check=True, capture_output=True)
    made = []
    for compression in pcl.Compression:
        out = folder / f"{source.stem}.{compression}.pxl"
        out.write_bytes(b"".join(pcl.convert_raster([raster.read_bytes()], compression)))
        made.append(out)
    return made


def count_ours(path: Path) -> int | None:
    analyzer = pcl.new_analyzer()
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK_OCTETS):
            analyzer.feed(chunk)
    report = analyzer.finish()
    assert not report.warnings, (path, report.warnings)
    return report.pages


def count_theirs(interpreter: str, path: Path, *, paint: bool = False) -> int:
    device = ["-sDEVICE=pgmraw", "-r300", "-sOutputFile=/dev/null"] if paint else ["-sDEVICE=bbox"]
    command = [interpreter, "-dNOPAUSE", "-dBATCH", *device, str(path)]
    done = subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL)
    return (done.stdout + done.stderr).count(b"%%BoundingBox")


def compare(label: str, files: list[Path], interpreter: str | None) -> Figures:
    """Print the octets a second of both and the ratios; return them."""
    octets = sum(path.stat().st_size for path in files)
    ours_s = min(_timed(lambda: [count_ours(path) for path in files]) for _ in range(ROUNDS))
    bbox_s = paint_s = 0.0
    agreed = True
    if interpreter:
        bbox_s = min(_timed(lambda: [count_theirs(interpreter, path) for path in files]) for _ in range(2))
        paint_s = _timed(lambda: [count_theirs(interpreter, path, paint=True) for path in files])
        agreed = all(count_ours(path) == count_theirs(interpreter, path) for path in files)
    figures = Figures(len(files), octets, ours_s, bbox_s, paint_s, agreed)
    figures.show(label)
    return figures


class Figures(NamedTuple):
    """What one set of files took: ours, the interpreter without pixels, the interpreter with them."""

    files: int
    octets: int
    ours_s: float
    bbox_s: float
    paint_s: float
    agreed: bool

    def show(self, label: str) -> None:
        octets, ours_s = self.octets / 1e6, self.ours_s
        print(f"{label:<22}{self.files:3} files {octets:6.1f} MB: ours {octets / ours_s:7.1f} MB/s", end="")
        if self.bbox_s:
            for how, theirs_s in (("counting", self.bbox_s), ("painting", self.paint_s)):
                print(f", gpcl6 {how} {octets / theirs_s:6.1f} (ratio {theirs_s / ours_s:5.1f})", end="")
            print(", pages agree" if self.agreed else ", PAGES DIFFER", end="")
        print()

    def plus(self, other: Figures) -> Figures:
        return Figures(
            self.files + other.files,
            self.octets + other.octets,
            self.ours_s + other.ours_s,
            self.bbox_s + other.bbox_s,
            self.paint_s + other.paint_s,
            self.agreed and other.agreed,
        )


def _timed(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def picture_stream(octets: int) -> Iterator[bytes]:
    """A page whose one image holds so many octets, in blocks of 64 MiB, a chunk at a time."""
    from pcl.pclxl_writer import PclXlWriter
    from pcl.raster_page import RasterPage

    writer = PclXlWriter()
    head = writer.begin_page(
        RasterPage(width=4096, height=65000, resolution=(600, 600), colour_space="sgray", bits_per_pixel=8)
    )
    block = 64 << 20
    yield head
    noise = os.urandom(CHUNK_OCTETS)
    for _ in range(octets // block):
        yield b"\xc1\x00\x00\xf8\x6d\xc1\x00\x40\xf8\x63\xc0\x00\xf8\x65\xb1\xfa" + block.to_bytes(
            4, "little"
        )
        for _ in range(block // CHUNK_OCTETS):
            yield noise
    yield b"\xb2\x44\x49\x42\x1b%-12345X"


def measure_pictures(folder: Path) -> None:
    path = folder / "picture"
    with path.open("wb") as out:
        out.writelines(picture_stream(IMAGE_OCTETS))
    whole = path.read_bytes()
    seconds = min(_timed(lambda: pcl.analyze(whole)) for _ in range(ROUNDS))
    assert pcl.analyze(whole).pages == 1
    print(f"image data in memory     {len(whole) / seconds / 1e6:12.0f} MB/s (wanted {WANTED_IMAGE_MB_S})")
    seconds = min(_timed(lambda: count_ours(path)) for _ in range(ROUNDS))
    print(f"image data from a file   {len(whole) / seconds / 1e6:12.0f} MB/s (wanted {WANTED_IMAGE_MB_S})")


def measure_growth() -> int:
    """Run in a process of its own: one GiB passes, the process may not grow by it."""
    analyzer = pcl.new_analyzer()
    analyzer.feed(b"")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for chunk in picture_stream(1 << 30):
        analyzer.feed(chunk)
    assert analyzer.finish().pages == 1
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
    return 0


def main() -> int:
    interpreter = os.environ.get("GPCL6") or shutil.which("gpcl6")
    if not interpreter:
        print("gpcl6 is neither named by GPCL6 nor on the PATH: ours alone")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = make_files(folder)
        if interpreter:
            empty = folder / "empty"
            empty.write_bytes(b"")
            start_s = min(_timed(lambda: count_theirs(interpreter, empty)) for _ in range(3))
            print(f"gpcl6 alone starts in {start_s * 1000:.0f} ms")
        total = compare("PCL XL drawings", files["dense"], interpreter)
        total = total.plus(compare("PCL XL text, pictures", files["other"], interpreter))
        total = total.plus(compare("PCL XL raster pages", files["raster"], interpreter))
        total.show("PCL XL in total")
        pcl5 = compare("PCL 5 rasters", files["pcl5"], interpreter)
        print(f"wanted: {WANTED_DENSE_MB_S} MB/s for drawings, a ratio of {WANTED_RATIO} for PCL XL in total")
        measure_pictures(folder)
    environment = {**os.environ, "PYTHONPATH": "."}
    command = [sys.executable, __file__, "--growth"]
    grown = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    print(f"one GiB grows the process by {float(grown.stdout):.1f} MiB (wanted {WANTED_GROWTH_MIB} at most)")
    return 0 if total.agreed and pcl5.agreed else 1


if __name__ == "__main__":
    sys.exit(measure_growth() if sys.argv[1:] == ["--growth"] else main())
