"""What a document is, by its first octets."""

import re

__all__ = [
    "HPGL",
    "OCTET_STREAM",
    "PCL",
    "PCLM",
    "PCLXL",
    "PDF",
    "POSTSCRIPT",
    "TEXT",
    "WINDOW_OCTETS",
    "agrees",
    "detect_format",
]

WINDOW_OCTETS = 1024

PCL = "application/vnd.hp-PCL"
PCLXL = "application/vnd.hp-PCLXL"
HPGL = "application/vnd.hp-HPGL"
PDF = "application/pdf"
PCLM = "application/PCLm"
POSTSCRIPT = "application/postscript"
TEXT = "text/plain"
OCTET_STREAM = "application/octet-stream"

# Signatures at the very start, tried in this order.
SIGNATURES: tuple[tuple[re.Pattern[bytes], str], ...] = (
    (re.compile(rb"[()'] HP-PCL XL;"), PCLXL),
    (re.compile(rb"RaS2|2SaR"), "image/pwg-raster"),
    (re.compile(rb"RaS3|3SaR|RaSt|tSaR"), "application/vnd.cups-raster"),
    (re.compile(rb"UNIRAST\x00"), "image/urf"),
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    (re.compile(rb"II[*+]\x00|MM\x00[*+]"), "image/tiff"),
    (re.compile(rb"(?s)[\x04\s]*%PDF-\d[^\r\n]{0,8}[\r\n]+%PCLm"), PCLM),
    (re.compile(rb"[\x04\s]*%PDF-"), PDF),
    (re.compile(rb"[\x04\s]*%!"), POSTSCRIPT),
    (re.compile(rb"\xc5\xd0\xd3\xc6"), POSTSCRIPT),  # DOS EPS: a binary header before the PostScript
    (re.compile(rb"GIF8[79]a"), "image/gif"),
    (re.compile(rb"PK\x03\x04"), "application/zip"),
    (re.compile(rb"\x1f\x8b"), "application/gzip"),
)
PCL_ESCAPE = re.compile(rb"\x1b(?:[EYZ9=]|[%&()*][a-zA-Z]?[-+]?\d*[@-^a-z])")
LANGUAGES = {
    "PCL": PCL,
    "PCL5": PCL,
    "PCL5C": PCL,
    "PCL5E": PCL,
    "PCL3GUI": PCL,
    "HPGL": HPGL,
    "HPGL2": HPGL,
    "HP-GL/2": HPGL,
    "PCLXL": PCLXL,
    "PDF": PDF,
    "POSTSCRIPT": POSTSCRIPT,
    "PS": POSTSCRIPT,
}
NOT_TEXT = re.compile(rb"[\x00-\x06\x0e-\x1a\x1c-\x1f]")

# Names of one format, and formats that are said in place of each other without harm.
ALIASES = {
    "application/x-pdf": PDF,
    "application/ps": POSTSCRIPT,
    "application/x-postscript": POSTSCRIPT,
    "application/vnd.cups-postscript": POSTSCRIPT,
    "application/vnd.cups-pdf": PDF,
    "application/vnd.hp-pclxl": PCLXL,
    "application/x-hp-pclxl": PCLXL,
    "application/vnd.hp-pcl": PCL,
    "application/x-pcl": PCL,
    "application/pclm": PCLM,
    "application/vnd.hp-hpgl": HPGL,
    "image/jpg": "image/jpeg",
    "image/x-urf": "image/urf",
}
NO_CLAIM = {"", OCTET_STREAM, "application/vnd.cups-raw"}


def detect_format(window: bytes, language: str | None = None, *, after_pjl: bool = False) -> str:
    """Return the format of a document whose first WINDOW_OCTETS (or all) are given.

    A signature decides; without one, what `@PJL ENTER LANGUAGE` asked for; after PJL, what a printer takes
    anything for (PCL); else text or `application/octet-stream`.
    """
    for signature, name in SIGNATURES:
        if signature.match(window):
            return name
    if language in LANGUAGES:
        return LANGUAGES[language]
    if language and language != "AUTO":
        return OCTET_STREAM  # a language of some printers only (ZJS, XQX ...): not PCL at any rate
    if PCL_ESCAPE.match(window) or (PCL_ESCAPE.search(window) and not NOT_TEXT.match(window)):
        return PCL
    if b"%PDF-" in window:
        return PDF
    if after_pjl:
        return PCL
    return OCTET_STREAM if NOT_TEXT.search(window) or not window else TEXT


def agrees(claimed: str | None, found: str | None) -> bool:
    """Tell whether a claimed media type, parameters aside, says what was found or says nothing."""
    name = (claimed or "").split(";")[0].strip().lower()
    if name in NO_CLAIM or found is None:
        return True
    return ALIASES.get(name, name).lower() == found.lower()
