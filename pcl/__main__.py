"""`python -m pcl FILE...`: what is in each print stream, for people or (--json) for programs.

`python -m pcl convert IN OUT`: PWG Raster or Apple Raster to PCL XL.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import TextIO

from .analyze import new_analyzer
from .convert import convert_raster
from .errors import ConversionError
from .media import millimetres
from .pclxl_writer import Compression
from .report import FIGURES, Certainty, PageRun, Report

CHUNK_OCTETS = 1 << 20
LARGE_OCTETS = 64 << 20  # a bar is shown from here on
BAR_COLUMNS = 40
MANY_RUNS = 20


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status: 0, 1 if a file could not be read, 2 for wrong usage."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == ["convert"]:
        return convert(words[1:])
    options = _parser().parse_args(words)
    status = 0
    for name in options.file:
        try:
            report = read_report(name, options.format, sys.stderr)
        except OSError as error:
            print(f"pcl: {name}: {error.strerror or error}", file=sys.stderr)
            status = 1
            continue
        if options.json:
            print(json.dumps({"path": name, **report.to_json()}))
        else:
            print("\n".join(describe(name, report)))
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pcl",
        description="Say what is in print streams: pages, sheets, colour, media.",
        epilog="python -m pcl convert IN OUT turns PWG Raster or Apple Raster into PCL XL.",
    )
    parser.add_argument("file", nargs="+", help="a stream to read; - is standard input")
    parser.add_argument("--json", action="store_true", help="one JSON object a line and file")
    parser.add_argument("--format", metavar="TYPE", help="the media type that somebody claims it has")
    return parser


def convert(words: Sequence[str]) -> int:
    """Run `convert IN OUT`; OUT appears whole or not at all."""
    parser = argparse.ArgumentParser(
        prog="python -m pcl convert", description="Turn PWG Raster or Apple Raster into PCL XL."
    )
    parser.add_argument("source", help="the raster stream")
    parser.add_argument("target", type=Path, help="the PCL XL file to write")
    parser.add_argument("--compression", type=Compression, choices=list(Compression), default=Compression.RLE)
    parser.add_argument("--title", help="the job's name")
    options = parser.parse_args(words)
    target: Path = options.target
    draft = target.with_name(f"{target.name}.part")
    try:
        with _opened(options.source) as (stream, _), draft.open("wb") as output:
            chunks = iter(lambda: stream.read(CHUNK_OCTETS), b"")
            for piece in convert_raster(chunks, options.compression, title=options.title):
                output.write(piece)
        draft.replace(target)
    except (OSError, ConversionError) as error:
        draft.unlink(missing_ok=True)
        print(f"pcl: {options.source}: {error}", file=sys.stderr)
        return 1
    return 0


def read_report(name: str, claimed_format: str | None, progress: TextIO) -> Report:
    """Return the Report of the named file (or standard input). Raises OSError."""
    analyzer = new_analyzer(claimed_format)
    chunk = bytearray(CHUNK_OCTETS)
    view = memoryview(chunk)
    done = 0
    with _opened(name) as (stream, size):
        show = size >= LARGE_OCTETS and progress.isatty()
        while count := stream.readinto(chunk):
            analyzer.feed(view[:count])
            done += count
            if show:
                _draw(progress, done, size)
        if show:
            print(file=progress)
    return analyzer.finish()


@contextmanager
def _opened(name: str) -> Iterator[tuple[FileIO, int]]:
    if name == "-":
        yield FileIO(sys.stdin.fileno(), closefd=False), 0
        return
    with FileIO(name) as stream:
        yield stream, Path(name).stat().st_size


def _draw(progress: TextIO, done: int, size: int) -> None:
    filled = min(BAR_COLUMNS, BAR_COLUMNS * done // size)
    bar = "#" * filled + "." * (BAR_COLUMNS - filled)
    print(f"\r[{bar}] {done >> 20} of {size >> 20} MiB", end="", file=progress, flush=True)


def describe(name: str, report: Report) -> list[str]:
    """Return the lines of a readable table of a Report."""
    rows = [("format", " ".join(filter(None, (report.format or "unknown", report.version))))]
    for figure in FIGURES:
        value, certainty = getattr(report, figure), report.certainty(figure)
        note = f"{value} (declared)" if certainty is Certainty.DECLARED else str(value)
        rows.append((figure.replace("_", " "), "unknown" if certainty is Certainty.UNKNOWN else note))
    texts = ("title", "user", "application", "encryption")
    rows += [(label, getattr(report, label)) for label in texts if getattr(report, label)]
    first = 1
    for run in report.page_runs[:MANY_RUNS]:
        last = first + run.count - 1
        rows.append((f"page {first}" if run.count == 1 else f"pages {first}-{last}", _describe_run(run)))
        first = last + 1
    if len(report.page_runs) > MANY_RUNS:
        rows.append(("", f"... and {len(report.page_runs) - MANY_RUNS} more runs of pages (see --json)"))
    for warning in report.warnings:
        at = "" if warning.offset is None else f"octet {warning.offset}: "
        rows.append(("warning", f"{at}{warning.message}"))
    width = max(len(label) for label, _ in rows)
    return [name, *(f"  {label:<{width}}  {_printable(value)}" for label, value in rows)]


def _printable(text: str) -> str:
    """A stream's own words reach a terminal without its control codes."""
    return "".join(character if character.isprintable() else "?" for character in text)


def _describe_run(run: PageRun) -> str:
    page = run.page
    words: list[str | None] = [page.media or "default media"]
    if page.width_hmm and page.height_hmm:
        words.append(f"{millimetres(page.width_hmm)} x {millimetres(page.height_hmm)} mm")
    words += [page.orientation, page.sides, page.media_source, page.media_type]
    if page.colour is not None:
        words.append("colour" if page.colour else "monochrome")
    if page.resolution:
        words.append(f"{page.resolution[0]} x {page.resolution[1]} dpi")
    if page.copies != 1:
        words.append(f"{page.copies} copies")
    return ", ".join(word for word in words if word)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BrokenPipeError:
        # Whoever read us (head, less) has seen enough.
        sys.stdout = None
        sys.exit(1)
