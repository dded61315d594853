"""PJL: what a job says of itself before, between and after its printer languages.

A line is `@PJL COMMAND ...` up to a line feed. A segment of PJL starts at a Universal Exit Language or at the
start of the stream; it ends after `@PJL ENTER LANGUAGE`, or before the first line that is not PJL.
Source: Printer Job Language Technical Reference, chapters 2 to 5.
"""

from __future__ import annotations

import re

from .language import UEL, Octets
from .report import MAX_TEXT, MAX_VARIABLES, Report, Warnings

__all__ = ["WITHHELD", "Pjl"]

MAX_LINE_OCTETS = 65536

# A line ends with a line feed; some drivers write a carriage return only, or nothing before the UEL.
LINE_END = re.compile(rb"\n|\r(?=@PJL|\x1b)|(?=\x1b)")
BREAKS = re.compile(rb"[\r\n]*+")
WORDS = re.compile(rb"@PJL[ \t]*+([A-Za-z]++)?[ \t]*+(.*)", re.DOTALL)
SETTING = re.compile(
    rb'((?:[LI]PARM[ \t]*:[ \t]*\w+[ \t]+)?[\w.-]+)[ \t]*(?:=[ \t]*(?:"([^"]*)"?|([^\s"]*)))?'
)
BINARY_COMMANDS = {b"FSDOWNLOAD", b"FSAPPEND", b"UPGRADE"}
FORGETTING_COMMANDS = {b"JOB", b"EOJ", b"RESET", b"INITIALIZE"}

# What only the owner and the printer may know.
SECRET = re.compile(r"PASSWORD|PASSCODE|^PIN|PIN$|HOLDKEY|SECRET|CREDENTIAL")
WITHHELD = "(withheld)"

TITLES = ("NAME", "JOBNAME", "DOCNAME", "JobAcct9")
USERS = ("USERNAME", "USERID", "LOGINUSER", "USER", "JobAcct8", "JobAcct1")
APPLICATIONS = ("APPNAME", "APPLICATION", "JobAcct6", "JobAcct7")


class Pjl:
    """The PJL of one stream, segment after segment: a Language that is entered again after each UEL.

    `environment` is what is set for the language that comes next, `language` the one that was asked for.
    """

    def __init__(self) -> None:
        self.ended = False
        self.environment: dict[str, str] = {}
        self.language: str | None = None
        self.seen = False  # a line or a UEL: who writes them writes to a printer that speaks PCL
        self._said: dict[str, str] = {}
        self._comments: dict[str, str] = {}
        self._warnings = Warnings()
        self._skip = 0
        self._in_job = False

    def enter(self) -> None:
        """Start a segment. What was set is forgotten with the language it was for, unless a JOB holds it."""
        self.ended = False
        if self.language is not None and not self._in_job:
            self.environment = {}
        self.language = None

    def scan(self, data: Octets, position: int, base: int, final: bool) -> int:
        """Consume whole lines, and the UELs between them; see Language.scan."""
        while position < len(data) and not self.ended:
            if self._skip:
                taken = min(self._skip, len(data) - position)
                self._skip -= taken
                position += taken
                continue
            after = self._line(data, position, base, final)
            if after < 0:
                break
            position = after
        return position

    def _line(self, data: Octets, position: int, base: int, final: bool) -> int:
        """Consume one line, one UEL or the breaks between; negative when more must come first."""
        start = bytes(data[position : position + len(UEL)])
        if start[:1] in b"\r\n":
            breaks = BREAKS.match(data, position)
            return breaks.end() if breaks else position + 1
        if start == UEL:
            self.seen = True
            return position + len(UEL)
        if not start.startswith(b"@PJL"):
            unfinished = UEL.startswith(start) or b"@PJL".startswith(start)
            if unfinished and not final:
                return -1
            self.ended = True
            return position
        line_end = LINE_END.search(data, position, position + MAX_LINE_OCTETS)
        if line_end:
            end = line_end.end()
        elif len(data) - position >= MAX_LINE_OCTETS:
            self._warnings.add(
                "pjl-line", f"a PJL line is longer than {MAX_LINE_OCTETS} octets", base + position
            )
            end = position + MAX_LINE_OCTETS
        elif final:
            end = len(data)
        else:
            return -1
        self.seen = True
        self._obey(bytes(data[position:end]), base + position)
        return end

    def _obey(self, line: bytes, offset: int) -> None:
        words = WORDS.match(line.rstrip(b"\r\n"))
        if not words or words[1] is None:
            return
        command, rest = words[1].upper(), words[2]
        if command in FORGETTING_COMMANDS:
            self.environment = {}
            self._in_job = command == b"JOB"
        if command in (b"SET", b"DEFAULT"):
            self._set(rest)
        elif command == b"ENTER":
            setting = SETTING.match(rest)
            name, value = _read(setting) if setting else ("", "")
            if name.upper() == "LANGUAGE":
                self.language = value.upper()
                self.ended = True
        elif command == b"COMMENT":
            self._comment(rest)
        elif command in (b"JOB", b"EOJ", b"JOBNAME", b"USERNAME"):
            named = rest if command in (b"JOB", b"EOJ") else command + b"=" + rest.lstrip(b" =")
            for setting in SETTING.finditer(named):
                name, value = _read(setting)
                self._say(name.upper(), value)
        elif command in BINARY_COMMANDS:
            size = re.search(rb"\bSIZE[ \t]*=[ \t]*(\d{1,12})", rest, re.IGNORECASE)
            self._skip = int(size[1]) if size else 0
            self._warnings.add("pjl-download", f"PJL {command.decode()} stores or changes something", offset)

    def _set(self, rest: bytes) -> None:
        setting = SETTING.match(rest)
        if not setting:
            return
        name, value = _read(setting)
        name = " ".join(name.upper().split())
        if name == "JOBATTR":
            # A vendor's attribute in the value: JOBATTR="JobAcct1=jdoe".
            key, _, value = value.partition("=")
            self._say(key.strip(), value.strip())
            return
        self._say(name, value)
        if len(self.environment) < MAX_VARIABLES or name in self.environment:
            self.environment[name] = value

    def _comment(self, rest: bytes) -> None:
        """Read the `Username: x; App Filename: y` that HP's drivers write."""
        for part in _decode(rest).strip(' "').split(";"):
            key, colon, value = part.partition(":")
            if colon and len(self._comments) < MAX_VARIABLES:
                self._comments.setdefault(key.strip().lower(), value.strip()[:MAX_TEXT])

    def _say(self, name: str, value: str) -> None:
        name = name[:64]
        if SECRET.search(name.upper()):
            value = WITHHELD
        if name and (len(self._said) < MAX_VARIABLES or name in self._said):
            self._said[name] = value[:MAX_TEXT]

    def report(self, end: int) -> Report:
        """Return what PJL said in all segments: names and variables, no pages."""
        comments = self._comments
        return Report(
            pages=0,
            impressions=0,
            sheets=0,
            colour_pages=0,
            monochrome_pages=0,
            title=self._first(TITLES) or comments.get("app filename") or comments.get("document"),
            user=self._first(USERS) or comments.get("username"),
            application=self._first(APPLICATIONS) or comments.get("application"),
            variables=dict(self._said),
            warnings=self._warnings.as_tuple(),
        )

    def _first(self, names: tuple[str, ...]) -> str | None:
        by_name = {name.upper(): value for name, value in self._said.items()}
        return next((by_name[name.upper()] for name in names if by_name.get(name.upper())), None)


def _read(setting: re.Match[bytes]) -> tuple[str, str]:
    value = setting[2] if setting[2] is not None else setting[3] or b""
    return setting[1].decode("ascii", "replace"), _decode(value)


def _decode(octets: bytes) -> str:
    """UTF-8 where it is that, else Latin-1; control characters become blanks."""
    try:
        text = octets.decode()
    except UnicodeDecodeError:
        text = octets.decode("latin-1")
    return "".join(character if character.isprintable() else " " for character in text).strip()
