"""Whether the analysers take linear time: nasty streams of three sizes, and the time of each octet.

Sizes are 1, 4 and 16 times BASE_OCTETS. A linear analyser has the same time per octet at each; `growth` is
the last over the one before (the first fits in one block), and what grows more than GROWTH_WANTED is marked;
a quadratic one grows by 4. Times below SHORT_S say nothing.
"""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable, Iterator

import pcl
from pcl.language import UEL
from pcl.postscript import PostScriptAnalyzer
from pcl.report import Analyzer
from pcl.worker import WorkerPool

BASE_OCTETS = 1 << 16
STEPS = (1, 4, 16)
ROUNDS = 2
GROWTH_WANTED = 2
SHORT_S = 0.1

XL_HEAD = b") HP-PCL XL;2;0;Comment\n\xd1\x58\x02\x58\x02\xf8\x89\xc0\x00\xf8\x86\x41"
XL_HEAD += b"\xc0\x00\xf8\x88\xc0\x01\xf8\x82\x48"
XL_PAGE = b"\xc0\x00\xf8\x28\xc0\x02\xf8\x25\x43"
XL_PAINTED = XL_HEAD + XL_PAGE + b"\xe1" + bytes(8) + b"\xf8\x42\xa0"
MACRO = b") HP-PCL XL;2;0;x\n"


def repeated(head: bytes, body: bytes, tail: bytes = b"") -> Callable[[int], bytes]:
    """Return what makes a stream of one thing over and over."""
    return lambda octets: head + body * max(1, (octets - len(head) - len(tail)) // len(body)) + tail


def make_stream_calls(octets: int) -> bytes:
    """PCL XL macros that each run the one before some times, as many as there is room for."""
    made = [XL_HEAD]
    before = b""
    number = 0
    while number * 200 < octets:
        name = b"\xc8\xc1\x02\x00" + number.to_bytes(2, "little") + b"\xf8\x8b"
        text = MACRO + (before + b"\x5e") * 20 if before else MACRO + b"\x47" * 20
        made.append(name + b"\x5b\xc2" + len(text).to_bytes(4, "little") + b"\xf8\x8c\x5c\xfa")
        made.append(len(text).to_bytes(4, "little") + text + b"\x5d" + name + b"\x5e")
        before, number = name, number + 1
    return b"".join(made)


def make_macro_calls(define: bytes, body: bytes) -> Callable[[int], bytes]:
    """A short job whose macros run each other's many page ends, and the same over and over."""
    run = b"\x1b&f1y2X"
    job = define + body + b"\x1b&f1X\x1b&f2y0X" + run * 40 + b"\x1b&f1X" + b"\x1b&f2y2X" * 10
    return repeated(b"\x1bE", job)


def make_tiff(octets: int) -> bytes:
    """A TIFF of many pages of one dot."""
    from PIL import Image

    pages = [Image.new("1", (1, 1))] * max(1, octets // 200)
    out = io.BytesIO()
    pages[0].save(out, "TIFF", save_all=True, append_images=pages[1:])
    return out.getvalue()


def make_jpeg(octets: int) -> bytes:
    """A JPEG of many comments."""
    from PIL import Image

    out = io.BytesIO()
    Image.new("L", (8, 8)).save(out, "JPEG")
    octets_of = out.getvalue()
    return octets_of[:2] + b"\xff\xfe\x00\x03x" * (octets // 5) + octets_of[2:]


def make_pdf(octets: int) -> bytes:
    """A PDF whose page tree is a chain, each node with one page and the next node."""
    nodes = max(1, octets // 160)
    objects = [b"<</Type/Catalog/Pages 2 0 R>>"]
    for node in range(nodes):
        here, below = 2 + 2 * node, 4 + 2 * node
        kids = b"%d 0 R" % (here + 1) + (b" %d 0 R" % below if node + 1 < nodes else b"")
        parent = b"/Parent %d 0 R" % (here - 2) if node else b""
        objects.append(b"<</Type/Pages/Count %d/Kids[%b]%b>>" % (nodes - node, kids, parent))
        objects.append(b"<</Type/Page/MediaBox[0 0 9 9]/Parent %d 0 R>>" % here)
    out, places = bytearray(b"%PDF-1.4\n"), []
    for number, text in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj%bendobj\n" % (number, text)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1) + table
    out += b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(out)


CASES: dict[str, Callable[[int], bytes]] = {
    "pclxl: one long list": repeated(XL_HEAD + XL_PAGE, b"\xc0\x00\xf8\x25"),
    "pclxl: operators on white paper": repeated(XL_HEAD + XL_PAGE, b"\x60"),
    "pclxl: operators, painted": repeated(XL_PAINTED, b"\x60"),
    "pclxl: paths never begun": repeated(XL_PAINTED, b"\x85"),
    "pclxl: paths begun and lost": repeated(XL_PAINTED, b"\x85\x60\x69\xc0\x07\xf8\x2c\x7b"),
    "pclxl: colours": repeated(XL_PAINTED, b"\xc8\xc0\x03\x01\x02\x03\xf8\x0b\x63\xc0\x02\xf8\x03\x6a"),
    "pclxl: lists in a seldom order": repeated(XL_PAINTED, b"\xc0\x00\xf8\x50\xc1\x00\x00\xf8\x4d\x9b"),
    "pclxl: white space": repeated(XL_PAINTED, b" "),
    "pclxl: an array cut by the end": repeated(XL_PAINTED + b"\xca\xc1\xff\xff", b"\xc8"),
    "pclxl: sessions": repeated(b"", XL_HEAD.partition(b"\n")[0] + b"\n", b""),
    "pclxl: fonts": repeated(XL_PAINTED, b"\xc8\xc0\x01A\xf8\xa8\x55"),
    "pclxl: macros that call each other": make_stream_calls,
    "pclxl: corrupt, no UEL": repeated(XL_HEAD + b"\x01", b"\x1b%-1234"),
    "pcl5: resets": repeated(b"\x1bE", b"x\x1bE"),
    "pcl5: huge moves": repeated(b"\x1bE", b"x\x1b&a+32767R\x1b*p+32767Y"),
    "pcl5: lines of wrap": repeated(b"\x1bE\x1b&s0C\x1b(s1H", b"x"),
    "pcl5: no pitch, wrap": repeated(b"\x1bE\x1b&s0C\x1b&k0H", b"x"),
    "pcl5: numbers without end": repeated(b"\x1bE\x1b&l", b"1"),
    "pcl5: escapes": repeated(b"\x1bE", b"\x1b"),
    "pcl5: macro calls": repeated(b"\x1bE\x1b&f1y0X\x1b&f1X", b"\x1b&f2X"),
    "pcl5: macros defined": repeated(b"\x1bE", b"\x1b&f1y0X\x1b&f1X"),
    "pcl5: a macro without end": repeated(b"\x1bE\x1b&f1y0X", b"x\x1b&f2X"),
    "pcl5: macros that end pages": make_macro_calls(b"\x1b&f1y0X", b"\f" * 300),
    "pcl5: macros that go down": make_macro_calls(b"\x1b&f1y0X", b"\n" * 300),
    "pcl5: an overlay that ends pages": repeated(b"\x1bE\x1b&f1y0X" + b"\f" * 400 + b"\x1b&f1x4X", b"\f"),
    "pcl5: overlays": repeated(b"\x1bE\x1b&f1y0Xx\x1b&f1x4X", b"\f"),
    "pcl5: cursors": repeated(b"\x1bE", b"\x1b&f0S\x1b&f1S"),
    "pcl5: a label without end": repeated(b"\x1bE\x1b%0BLB", b"x"),
    "pcl5: points without end": repeated(b"\x1bE\x1b%0BPD", b"1,"),
    "pcl5: plot commands": repeated(b"\x1bE\x1b%0B", b"PU;PD;"),
    "pcl5: encoded lines": repeated(b"\x1bE\x1b%0BPE", b"=AB="),
    "pjl: long lines": repeated(UEL + b"@PJL COMMENT ", b"x"),
    "pjl: short lines": repeated(UEL, b"@PJL\n"),
    "pjl: variables": repeated(UEL, b'@PJL SET A="B"\n'),
    "pjl: settings in a line": repeated(UEL + b"@PJL JOB ", b"LPARM: A "),
    "pjl: a string without end": repeated(UEL + b'@PJL SET A="', b'x" '),
    "pjl: blanks": repeated(UEL, b"@PJL SET LPARM" + b" \t" * 2000 + b"\n"),
    "uel: nothing between": repeated(b"", UEL),
    "uel: jobs of one page": repeated(b"", UEL + b"@PJL ENTER LANGUAGE=PCL\nx\f"),
    "uel: two languages": repeated(
        b"", UEL + b"@PJL ENTER LANGUAGE=PCLXL\n" + XL_HEAD + UEL + b"@PJL ENTER LANGUAGE=PCL\nx"
    ),
    "text: form feeds": repeated(b"x", b"\f"),
    "text: a line without end": repeated(b"", b"x"),
    "text: tabs": repeated(b"x", b" \t"),
    "text: wide letters": repeated(b"", "\u4e16\u0301".encode()),
    "text: broken UTF-8": repeated(b"x", b"\xf0\x9f"),
    "postscript: comments": repeated(b"%!PS-Adobe-3.0\n", b"%%Page: 1 1\n", b"%%Pages: 1\n%%Trailer\n"),
    "postscript: documents inside": repeated(b"%!PS-Adobe-3.0\n", b"%%BeginDocument\n"),
    "postscript: one line": repeated(b"%!PS-Adobe-3.0\n%%Pages:", b" "),
    "image: a TIFF of many pages": make_tiff,
    "image: a JPEG of many markers": make_jpeg,
    "pdf: a tree that is a chain": make_pdf,
}


def analysed(stream: bytes, pool: WorkerPool) -> float:
    """Return the seconds that the stream takes; of PostScript only the comments are read."""
    analyzer: Analyzer = pcl.new_analyzer(pool=pool)
    if stream.startswith(b"%!PS"):
        analyzer = PostScriptAnalyzer(measure="never")
    start = time.perf_counter()
    analyzer.feed(stream)
    analyzer.finish()
    return time.perf_counter() - start


def measure(pool: WorkerPool, wanted: list[str]) -> Iterator[bool]:
    """Print a line for each case; yield whether it is linear."""
    for name, make in CASES.items():
        if wanted and not any(word in name for word in wanted):
            continue
        octets, seconds = [], []
        for step in STEPS:
            stream = make(BASE_OCTETS * step)
            octets.append(len(stream))
            seconds.append(min(analysed(stream, pool) for _ in range(ROUNDS)))
        each = [spent / size * 1e9 for spent, size in zip(seconds, octets, strict=True)]
        growth = each[-1] / each[-2]
        linear = growth <= GROWTH_WANTED or seconds[-1] < SHORT_S
        columns = "".join(f"{nanoseconds:9.0f}" for nanoseconds in each)
        mark = "" if linear else "  NOT LINEAR"
        print(f"{name:38}{columns} ns/octet, {seconds[-1]:7.3f} s, growth {growth:5.2f}{mark}")
        yield linear


def main() -> int:
    with WorkerPool(1) as pool:
        analysed(make_jpeg(1000), pool)  # starts the worker
        analysed(make_pdf(1000), pool)
        return 0 if all(list(measure(pool, sys.argv[1:]))) else 1


if __name__ == "__main__":
    sys.exit(main())
