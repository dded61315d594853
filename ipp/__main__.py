"""Ask a printer, print to it, read messages and what is registered.

python -m ipp probe URI          what a printer is, and what it lacks for IPP Everywhere
python -m ipp print URI FILE     print a file
python -m ipp attributes [NAME]  what an attribute may hold
python -m ipp decode FILE        an IPP message, as it was captured
"""

from __future__ import annotations

import argparse
import asyncio
import difflib
import getpass
import io
import json
import mimetypes
import os
import re
import shutil
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, Final

from .client import Client
from .decoder import Decoder
from .enums import Tag
from .errors import ConnectionFailed, IppError, LocalProtocolError, RemoteProtocolError
from .everywhere import missing
from .message import Attribute, Attributes, Group, Message, Value
from .registry import attribute, lookup, member_paths
from .show import (
    WIDTH,
    Plain,
    plain_attributes,
    plain_message,
    readable,
    render_attributes,
    render_message,
    wants_colour,
)
from .trust import AnyCertificate, Authorities, Basic, Credentials, Pinned, Trust
from .values import Range, Resolution, ResolutionUnits
from .vocabulary.attributes import ATTRIBUTES, MEMBERS
from .vocabulary.enums import ENUMS, JobState, Operation, PrinterState
from .vocabulary.keywords import KEYWORDS, KEYWORDS_LIKE

DONE, REFUSED, USAGE, UNREACHABLE, INTERRUPTED = 0, 1, 2, 3, 130
EXIT_STATUSES: Final = """exit status:
  0  done
  1  the printer refused; an answer or a file is no IPP message; nobody registered the name;
     `probe --strict`: the printer lacks something; `print --wait`: the job was not completed
  2  wrong usage, or a file that cannot be read
  3  the printer could not be reached or trusted, or went silent
"""
PASSWORD_VARIABLE: Final = "IPP_PASSWORD"  # noqa: S105  # its name, not one

_TOLD: Final = (
    "printer-make-and-model",
    "printer-info",
    "printer-location",
    "printer-state",
    "printer-state-reasons",
    "printer-state-message",
    "queued-job-count",
    "ipp-versions-supported",
    "ipp-features-supported",
    "document-format-supported",
    "media-ready",
    "sides-supported",
    "print-color-mode-supported",
    "printer-resolution-supported",
    "finishings-supported",
    "uri-authentication-supported",
)
_CHUNK_OCTETS: Final = 1 << 16
_POLL_S: Final = 1.0
_TEMPLATE: Final = ATTRIBUTES["job-template"]
_FINISHED: Final = (JobState.CANCELED, JobState.ABORTED, JobState.COMPLETED)
# The first octets of what printers take; what a file is called tells less.
_SIGNATURES: Final = (
    (b"%PDF-", "application/pdf"),
    (b"%!", "application/postscript"),
    (b"RaS2PwgRaster", "image/pwg-raster"),
    (b"UNIRAST", "image/urf"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG", "image/png"),
)
_INTEGER: Final = re.compile(r"-?\d{1,12}")
_RESOLUTION: Final = re.compile(r"(\d{1,12})(?:x(\d{1,12}))?(dpi|dpcm)")
_RANGE: Final = re.compile(r"(-?\d{1,12})(?:-(-?\d{1,12}))?")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status."""
    parser = _make_parser()
    given = parser.parse_args(arguments)
    if sys.stdout is None:  # it was closed before we began
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115  # until the end
    # A file name or a locale that cannot show a character is no reason to fail.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        status: int = given.run(given)
        sys.stdout.flush()
    except LocalProtocolError as error:
        return _complain(str(error), USAGE)
    except ConnectionFailed as error:
        return _complain(str(error), UNREACHABLE)
    except IppError as error:
        return _complain(str(error), REFUSED)
    except BrokenPipeError:  # what reads our output wants no more of it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _complain(f"{where}{error.strerror or error}", USAGE)
    except KeyboardInterrupt:
        return INTERRUPTED
    return status


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ipp",
        description=__doc__,
        epilog=EXIT_STATUSES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Callable[[argparse.Namespace], int], words: str) -> argparse.ArgumentParser:
        made = commands.add_parser(
            name,
            help=words,
            description=f"{words[0].upper()}{words[1:]}.",
            epilog=EXIT_STATUSES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        made.add_argument("--json", action="store_true", help="write JSON, for a program")
        made.set_defaults(run=run)
        return made

    probe = command("probe", probe_printer, "say what a printer is, and what it lacks for IPP Everywhere")
    probe.add_argument("--all", action="store_true", help="show every attribute")
    probe.add_argument("--strict", action="store_true", help="exit with 1 where the printer lacks something")
    printing = command("print", print_file, "print a file")
    printing.add_argument("--format", metavar="TYPE", help="what the file is, as application/pdf")
    printing.add_argument("--title", metavar="TEXT", help="name of the job; else that of the file")
    printing.add_argument(
        *("-o", "--option"), action="append", default=[], metavar="NAME=VALUE", help="as sides=one-sided"
    )
    printing.add_argument("--wait", action="store_true", help="until the job has left the printer's queue")
    for made in (probe, printing):
        made.add_argument("uri", metavar="URI", help="ipp, ipps, http or https://host[:port]/path")
        made.add_argument(
            "--user", metavar="NAME", help=f"with a password asked for, or in {PASSWORD_VARIABLE}"
        )
        trust = made.add_mutually_exclusive_group()
        trust.add_argument("--pin", metavar="SHA256", help="accept the certificate of this fingerprint")
        trust.add_argument("--authorities", metavar="FILE", type=Path, help="accept what these (PEM) signed")
        trust.add_argument("--any-certificate", action="store_true", help="accept whatever is shown")
    printing.add_argument("file", metavar="FILE", type=Path, help="a file, or - for standard input")
    named = command(
        "attributes", show_registered, "say what an attribute may hold, or name all that are registered"
    )
    named.add_argument(
        "name", metavar="NAME", nargs="?", help="as media-col, or a member as media-col/media-size"
    )
    decoding = command("decode", decode_file, "show an IPP message")
    decoding.add_argument("file", metavar="FILE", type=Path, help="the body of a request or response, or - ")
    return parser


def _complain(what: str, status: int) -> int:
    if sys.stderr is not None:
        sys.stderr.write(f"python -m ipp: {readable(what)}\n")
    return status


def _write(text: str) -> None:
    sys.stdout.write(text)


def _write_json(value: Plain) -> None:
    _write(json.dumps(value, indent=2) + "\n")


def _write_rendered(render: Callable[..., str], what: object) -> None:
    """Write it coloured and as wide as the terminal, where there is one."""
    is_terminal = sys.stdout.isatty()
    width = shutil.get_terminal_size((WIDTH, 24)).columns if is_terminal else WIDTH
    _write(render(what, colour=wants_colour(sys.stdout, os.environ), width=width))


# Reading what is registered, and messages


def show_registered(given: argparse.Namespace) -> int:
    """`attributes [NAME]`."""
    if given.name is None:
        if given.json:
            _write_json({group: dict(table) for group, table in ATTRIBUTES.items()})
        else:
            for group, table in ATTRIBUTES.items():
                _write(f"{group}\n" + "".join(f"  {name:<44}  {words}\n" for name, words in table.items()))
        return DONE
    found = describe(given.name)
    if found is None:
        known = {*(name for table in ATTRIBUTES.values() for name in table), *MEMBERS}
        near = difflib.get_close_matches(given.name, known, n=3)
        hint = f"; did you mean {', '.join(near)}?" if near else ""
        return _complain(f"{given.name}: nobody registered this name{hint}", REFUSED)
    if given.json:
        _write_json(found)
        return DONE
    for title, part in found.items():
        if isinstance(part, dict):
            _write(f"{title}\n" + "".join(f"  {name:<44}  {words}\n" for name, words in part.items()))
        elif isinstance(part, list):
            _write(f"{title}\n" + "".join(f"  {word}\n" for word in part))
        else:
            _write(f"{part}\n")
    return DONE


def describe(name: str) -> dict[str, Plain] | None:
    """What is registered of an attribute, or of a member by its path: syntax by group, values, members."""
    path, _, leaf = name.rpartition("/")
    if path:
        places = [place for place in member_paths(path) if leaf in MEMBERS[place]]
        syntax: dict[str, Plain] = {place: MEMBERS[place][leaf] for place in places[:1]}
    else:
        syntax = {group: table[name] for group, table in ATTRIBUTES.items() if name in table}
    if not syntax:
        return None
    found: dict[str, Plain] = {"name": name, "syntax": syntax}
    if leaf in ENUMS:
        found["enum"] = {member.keyword: int(member) for member in ENUMS[leaf]}
    keywords = KEYWORDS.get(leaf, frozenset()) | KEYWORDS.get(KEYWORDS_LIKE.get(leaf, ""), frozenset())
    if keywords:
        found["keywords"] = [*sorted(keywords)]
    members: dict[str, Plain] = {}
    for place in member_paths(name):
        members = {**MEMBERS[place], **members}
    if members:
        found["members"] = members
    return found


def decode_file(given: argparse.Namespace) -> int:
    """`decode FILE`."""
    decoder = Decoder()
    seen = bytearray()  # bounded by the decoder's limit
    message: Message | None = None
    document_octets = 0
    with _open(given.file) as file:
        try:
            while chunk := file.read(_CHUNK_OCTETS):
                if message is None:
                    seen += chunk
                    message = decoder.feed(chunk)
                    document_octets = len(decoder.trailing)
                else:
                    document_octets += len(chunk)
            if message is None:
                decoder.finish()
        except RemoteProtocolError as error:
            return _complain(f"{given.file}: no IPP message: {error}{_excerpt(seen, error.offset)}", REFUSED)
    assert message is not None  # `finish` raises for an unfinished one
    if given.json:
        _write_json({**plain_message(message), "document-octets": document_octets})
    else:
        _write_rendered(render_message, message)
        if document_octets:
            _write(f"\ndocument of {document_octets} octets\n")
    return DONE


def _excerpt(octets: bytearray, offset: int | None) -> str:
    """The octets about the wrong one, as hexadecimal digits."""
    if offset is None or offset >= len(octets):
        return ""
    before, after = octets[max(offset - 8, 0) : offset].hex(" "), octets[offset : offset + 8].hex(" ")
    return f": {before} >{after}<" if before else f": >{after}<"


def _open(path: Path) -> BinaryIO:
    """The file, or standard input for `-`."""
    return sys.stdin.buffer if str(path) == "-" else path.open("rb")


# Talking to a printer


def probe_printer(given: argparse.Namespace) -> int:
    """`probe URI`."""
    return asyncio.run(_probe(given))


async def _probe(given: argparse.Namespace) -> int:
    async with _make_client(given) as client:
        # No printer sends the media it knows unless they are named.
        printer = await client.get_printer_attributes("all", "media-col-database")
    lacks = missing(printer)
    status = REFUSED if lacks and given.strict else DONE
    if given.json:
        told: list[Plain] = [
            {"attribute": lack.name, "problem": lack.problem, "section": lack.section} for lack in lacks
        ]
        _write_json({"uri": given.uri, "attributes": plain_attributes(printer), "missing": told})
        return status
    state = PrinterState(printer.integer("printer-state", 0))
    _write(f"{readable(printer.string('printer-name', given.uri))} is {state.keyword}\n")
    found = [part for name in _TOLD if (part := printer.get(name)) is not None]
    _write_rendered(render_attributes, printer if given.all else Attributes(found))
    if not lacks:
        _write("It has all that IPP Everywhere 1.1 requires.\n")
        return status
    _write(f"For IPP Everywhere 1.1 it lacks ({len(lacks)}):\n")
    _write("".join(f"  {readable(str(lack))}\n" for lack in lacks))
    return status


def print_file(given: argparse.Namespace) -> int:
    """`print URI FILE`."""
    options = [parse_option(option) for option in given.option]
    with _open(given.file) as file:
        return asyncio.run(_print(given, file, options))


async def _print(given: argparse.Namespace, file: BinaryIO, options: list[Attribute]) -> int:
    first = await asyncio.to_thread(file.read, _CHUNK_OCTETS)
    if not first:
        raise LocalProtocolError(f"{given.file}: there is nothing in it to print")
    async with _make_client(given) as client:
        job = await client.print_document(
            _chunks(first, file),
            document_format=given.format or guess_format(first, given.file),
            job_name=readable(given.title or ("" if str(given.file) == "-" else given.file.name)),
            operation_attributes=[each for each in options if each.name not in _TEMPLATE],
            job_attributes=[each for each in options if each.name in _TEMPLATE],
        )
        if given.wait:
            job = await _wait(client, job)
    state = JobState(job.integer("job-state", 0))
    if given.json:
        _write_json(plain_attributes(job))
    else:
        _write(f"job {job.integer('job-id')} is {state.keyword}\n")
    return REFUSED if given.wait and state != JobState.COMPLETED else DONE


async def _wait(client: Client, job: Group) -> Group:
    """The job as it is in the end."""
    ask = client.request(Operation.GET_JOB_ATTRIBUTES, attribute("job-id", job.integer("job-id", 0)))
    while JobState(job.integer("job-state", 0)) not in _FINISHED:
        await asyncio.sleep(_POLL_S)
        job = client.check(await client.send(ask), Operation.GET_JOB_ATTRIBUTES).job
    return job


async def _chunks(first: bytes, file: BinaryIO) -> AsyncIterator[bytes]:
    chunk = first
    while chunk:
        yield chunk
        chunk = await asyncio.to_thread(file.read, _CHUNK_OCTETS)


def _make_client(given: argparse.Namespace) -> Client:
    trust: Trust = Authorities(given.authorities)
    if given.pin:
        trust = Pinned(given.pin)
    elif given.any_certificate:
        trust = AnyCertificate()
    credentials: Credentials | None = None
    if given.user:
        password = os.environ.get(PASSWORD_VARIABLE)
        if password is None and not sys.stdin.isatty():
            raise LocalProtocolError(f"the password of {given.user} is to be in {PASSWORD_VARIABLE}")
        credentials = Basic(given.user, password if password is not None else getpass.getpass())
    return Client(
        given.uri,
        trust=trust,
        credentials=credentials,
        user_name=readable(given.user or _own_name()),
        compression="gzip",
    )


def _own_name() -> str:
    """What this user is called; nothing where nobody knows, as in a container."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # the latter from Python 3.13 on
        return ""


def guess_format(first: bytes, path: Path) -> str:
    """The type of a document by its first octets, else by its name."""
    for signature, kind in _SIGNATURES:
        if first.startswith(signature):
            return kind
    return mimetypes.guess_type(path.name)[0] or "application/octet-stream"


def parse_option(text: str) -> Attribute:
    """What people ask of a job: `NAME=VALUE`, several values by commas.

    Raises `LocalProtocolError` for what is of no job's creation and for what does not fit.
    """
    name, equals, words = text.partition("=")
    definition = lookup(name)
    if not equals or definition is None or not (name in _TEMPLATE or name in ATTRIBUTES["operation"]):
        raise LocalProtocolError(f"{text}: options are NAME=VALUE, of names that `attributes` tells")
    parts = words.split(",") if definition.is_set else [words]
    return attribute(name, *(_parse_value(name, definition.bounds, part) for part in parts))


def _parse_value(name: str, syntaxes: Mapping[int, tuple[int, int]], word: str) -> Value:
    """A word as a value of the first syntax that it can be of."""
    if Tag.BOOLEAN in syntaxes and word in ("true", "false"):
        return word == "true"
    if Tag.ENUM in syntaxes and name in ENUMS:
        for member in ENUMS[name]:
            if member.keyword == word:
                return int(member)
    if (Tag.ENUM in syntaxes or Tag.INTEGER in syntaxes) and _INTEGER.fullmatch(word):
        return int(word)
    if Tag.RANGE_OF_INTEGER in syntaxes and (bounds := _RANGE.fullmatch(word)):
        return Range(int(bounds[1]), int(bounds[2] or bounds[1]))
    if Tag.RESOLUTION in syntaxes and (dots := _RESOLUTION.fullmatch(word)):
        units = ResolutionUnits.DOTS_PER_INCH if dots[3] == "dpi" else ResolutionUnits.DOTS_PER_CM
        return Resolution(int(dots[1]), int(dots[2] or dots[1]), units)
    return word.encode() if Tag.OCTET_STRING in syntaxes else word


if __name__ == "__main__":
    sys.exit(main())
