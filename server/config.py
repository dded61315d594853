"""The configuration: one TOML file, every key with a default, none of it needed.

What people change while the daemon runs (people, queues, printers) is in the index and is changed by
`pullprint users|queues|printers`. Queues and printers may be written in the file instead: those are the
file's, and commands do not change them.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Final, Literal, TypeAlias
from urllib.parse import urlsplit

import msgspec
from msgspec import inspect

from server.errors import PullprintError

PORT: Final = 8631
FILE_OCTETS_MAX: Final = 1024 * 1024
TEXT_OCTETS_MAX: Final = 127  # printer-info and printer-location are text(127), RFC 8011 5.4.5
DURATION_S_MAX: Final = 2**31 - 1  # 68 years, and an integer of IPP
RESOURCE_PATH: Final = "/ipp/print"
# The first part of a secret path; no queue is called so.
PERSONAL: Final = "u"

QueueKind: TypeAlias = Literal["hold", "direct"]
Authentication: TypeAlias = Literal["none", "basic"]
ReleaseAction: TypeAlias = Literal["owner-authorized", "job-password"]
Network: TypeAlias = "IPv4Network | IPv6Network"

_SCHEMES: Final = ("ipps", "ipp", "socket", "file")
_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
# Labels of letters, of any script, digits, hyphens and underscores; a dot may end it.
_HOST: Final = re.compile(r"(?:[\w-]{1,63}\.)*[\w-]{1,63}\.?")
# Loopback, link-local and private addresses: the network that one is in, not the Internet.
_PRIVATE_NETWORKS: Final = (
    "127.0.0.0/8",
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "169.254.0.0/16",
    "::1/128",
    "fe80::/10",
    "fc00::/7",
)


class ConfigError(PullprintError):
    """Something in the configuration cannot be used; the text says where and what to do.

    `path` is the place within what was read: `$.queues[1].kind`.
    """

    def __init__(self, path: str, what: str) -> None:
        super().__init__(f"{path}: {what}")
        self.path = path


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the file."""


class Listen(Section, frozen=True):
    """Where clients connect. An address is one of this machine's, a host name, or `*` for all of them.

    Sockets that systemd passes (LISTEN_FDS) come instead. `names` are further names by which clients reach
    this machine: they are accepted in Host and stand in the certificate. `plain` lets clients come without
    TLS where nothing secret is said.
    """

    addresses: tuple[str, ...] = ("*",)
    port: int = PORT
    names: tuple[str, ...] = ()
    plain: bool = True


class Tls(Section, frozen=True):
    """The certificate shown; without one the daemon makes its own. `key` may be in the same file."""

    certificate: str = ""
    key: str = ""


class Log(Section, frozen=True):
    """What is logged to standard error, and how. No level logs titles, secrets or, up to info, names."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"


class Identity(Section, frozen=True):
    """Who is believed. From `trusted_networks` a queue with authentication `none` takes jobs under any name
    that has no password; from elsewhere it wants a password too."""

    trusted_networks: tuple[str, ...] = _PRIVATE_NETWORKS
    realm: str = "pullprint"


class Jobs(Section, frozen=True):
    """Bounds of the jobs. Parked jobs are canceled after `expire_after_s`; what is left of a finished one is
    forgotten after `forget_after_s`; a job whose next document does not come is aborted after
    `incoming_time_out_s`. So many of one owner may wait or print: `waiting_per_owner_max`. `analyse` counts
    the pages of what comes in."""

    expire_after_s: int = 3 * 24 * 3600
    forget_after_s: int = 30 * 24 * 3600
    incoming_time_out_s: int = 300
    waiting_per_owner_max: int = 1000
    document_octets_max: int = 4 * 1024**3
    analyse: bool = True


class Discovery(Section, frozen=True):
    """Whether the queues are announced on the local network (Bonjour), and on which of its interfaces: their
    addresses; all but loopback if none is named."""

    enabled: bool = True
    interfaces: tuple[str, ...] = ()


class QueueSettings(Section, frozen=True):
    """One queue. `hold` parks, `direct` delivers at once to `printer`. A hold queue may have a printer too:
    Release-Job, which names none, releases to it. `default` is the queue at /ipp/print."""

    name: str
    kind: QueueKind = "hold"
    printer: str = ""
    authentication: Authentication = "none"
    release: ReleaseAction = "owner-authorized"
    info: str = ""
    location: str = ""
    default: bool = False

    @property
    def path(self) -> str:
        """Its resource path by its name."""
        return f"{RESOURCE_PATH}/{self.name}"

    @property
    def title(self) -> str:
        """What people call it."""
        return self.info or self.name


class PrinterSettings(Section, frozen=True):
    """One output device: where documents go. No password stands in the URI."""

    name: str
    uri: str
    info: str = ""
    location: str = ""

    @property
    def title(self) -> str:
        """What people call it."""
        return self.info or self.name


class Config(Section, frozen=True):
    """The whole file. `name` is what the machine is called to people; without it, its host name."""

    data: str = ""
    name: str = ""
    listen: Listen = Listen()
    tls: Tls = Tls()
    log: Log = Log()
    identity: Identity = Identity()
    jobs: Jobs = Jobs()
    discovery: Discovery = Discovery()
    queues: tuple[QueueSettings, ...] = ()
    printers: tuple[PrinterSettings, ...] = ()

    @property
    def folder(self) -> Path:
        """The data folder; `resolve` has filled it in."""
        return Path(self.data)

    @property
    def trusted_networks(self) -> tuple[Network, ...]:
        """The networks of `identity.trusted_networks`."""
        return tuple(map(ip_network, self.identity.trusted_networks))


# Where nobody made a queue, somebody can print all the same.
FIRST_QUEUE: Final = QueueSettings(name="hold", info="Print and collect", default=True)


def parse(text: str) -> Config:
    """The configuration that a TOML text says, checked.

    Raises:
        ConfigError: it is not TOML, or a value cannot be used; names the place.
    """
    try:
        config = msgspec.convert(tomllib.loads(text), Config)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError("$", f"this is not TOML: {error}; correct that line") from None
    except RecursionError:
        raise ConfigError("$", "lists in lists without end: this is not a configuration file") from None
    except msgspec.ValidationError as error:
        raise _told(error, Config) from None
    check(config)
    return config


def load(path: Path | None, environment: Mapping[str, str]) -> Config:
    """The configuration of a file; of the first of `places` that there is; or the defaults.

    Raises:
        ConfigError: the file cannot be read or used.
    """
    if path is None:
        path = next((place for place in places(environment) if place.is_file()), None)
    if path is None:
        return Config()
    try:
        with path.open("rb") as file:
            octets = file.read(FILE_OCTETS_MAX + 1)
        if len(octets) > FILE_OCTETS_MAX:
            raise ConfigError("$", f"more than {FILE_OCTETS_MAX} octets: this is not a configuration file")
        return parse(octets.decode("utf-8"))
    except OSError as error:
        raise ConfigError(str(path), f"cannot be read: {error.strerror}; name another file") from None
    except UnicodeDecodeError:
        raise ConfigError(str(path), "is not UTF-8: save it as UTF-8") from None
    except ConfigError as error:
        raise ConfigError(f"{path}: {error.path}", str(error).removeprefix(f"{error.path}: ")) from None


def places(environment: Mapping[str, str]) -> tuple[Path, ...]:
    """Where a configuration file is looked for when none is named."""
    home = environment.get("HOME") or "/"
    own = Path(environment.get("XDG_CONFIG_HOME") or Path(home, ".config"))
    return own / "pullprint" / "pullprint.toml", Path("/etc/pullprint/pullprint.toml")


def data_folder(environment: Mapping[str, str]) -> Path:
    """Where data is kept when nobody says: systemd's state directory, or the user's data (XDG)."""
    if state := environment.get("STATE_DIRECTORY"):
        return Path(state.partition(":")[0])
    home = environment.get("HOME") or "/"
    return Path(environment.get("XDG_DATA_HOME") or Path(home, ".local", "share"), "pullprint")


def resolve(config: Config, environment: Mapping[str, str], *, data: Path | None = None) -> Config:
    """The configuration with its data folder: that given, that of the file, or the usual one; absolute."""
    folder = data or (Path(config.data) if config.data else data_folder(environment))
    return msgspec.structs.replace(config, data=str(folder.expanduser().absolute()))


def check(config: Config) -> None:
    """Raise ConfigError for what the types do not say."""
    if not 0 <= config.listen.port <= 65535:
        raise ConfigError("$.listen.port", f"{config.listen.port} is no port: give 0 (any) to 65535")
    if not config.listen.addresses or not all(config.listen.addresses):
        raise ConfigError("$.listen.addresses", 'nothing to listen at: give addresses, or "*" for all')
    for index, name in enumerate(config.listen.names):
        if not _is_host(name):
            raise ConfigError(
                f"$.listen.names[{index}]", f"{name!r} is no host name: write print.example.org"
            )
    if "\0" in config.data:
        raise ConfigError("$.data", "no folder has a NUL in its name: take it out")
    _check_texts("$", name=config.name)
    if config.tls.key and not config.tls.certificate:
        raise ConfigError("$.tls.key", "a key without its certificate: give `certificate` too")
    if not re.fullmatch(r"[ !#-\[\]-~]{1,64}", config.identity.realm):
        raise ConfigError("$.identity.realm", "give 1 to 64 ASCII characters, no quote and no backslash")
    for index, address in enumerate(config.discovery.interfaces):
        try:
            ip_address(address)
        except ValueError:
            raise ConfigError(
                f"$.discovery.interfaces[{index}]", f"{address!r} is no address: write an interface's own"
            ) from None
    for index, network in enumerate(config.identity.trusted_networks):
        try:
            ip_network(network)
        except ValueError as error:
            raise ConfigError(
                f"$.identity.trusted_networks[{index}]", f"{error}: write a network as 192.168.0.0/16"
            ) from None
    for name in config.jobs.__struct_fields__:
        value = getattr(config.jobs, name)
        if not isinstance(value, bool) and value < 1:
            raise ConfigError(f"$.jobs.{name}", "give a whole number above 0")
        if name.endswith("_s") and value > DURATION_S_MAX:
            raise ConfigError(f"$.jobs.{name}", f"give at most {DURATION_S_MAX} seconds")
    _check_unique("printers", [each.name for each in config.printers])
    _check_unique("queues", [each.name for each in config.queues])
    for index, printer in enumerate(config.printers):
        check_printer(printer, f"$.printers[{index}]")
    for index, queue in enumerate(config.queues):
        check_queue(queue, f"$.queues[{index}]")
    defaults = [index for index, queue in enumerate(config.queues) if queue.default]
    if len(defaults) > 1:
        raise ConfigError(
            f"$.queues[{defaults[1]}].default", "a second default queue: only one can be at /ipp/print"
        )


def _is_host(name: str) -> bool:
    """Whether this can be a host name, as people write it, or an address."""
    try:
        ip_address(name)
    except ValueError:
        return bool(_HOST.fullmatch(name)) and len(name) <= 253
    return True


def check_name(name: str, path: str, what: str) -> None:
    """Raise ConfigError unless `name` can stand in a URI for `what` and is no job's number."""
    if not _NAME.fullmatch(name) or name.isdigit() or name == PERSONAL:
        raise ConfigError(
            path,
            f"{name!r} cannot name a {what}: use 1 to 63 of a to z, 0 to 9 and inner hyphens,"
            f" not digits alone and not {PERSONAL!r}",
        )


def check_queue(queue: QueueSettings, path: str = "$") -> None:
    """Raise ConfigError where a queue contradicts itself; whether its printer exists is not asked here."""
    check_name(queue.name, f"{path}.name", "queue")
    if queue.kind == "direct" and not queue.printer:
        raise ConfigError(f"{path}.printer", "a direct queue delivers to one printer: name it")
    _check_texts(path, info=queue.info, location=queue.location)


def check_printer(printer: PrinterSettings, path: str = "$") -> None:
    """Raise ConfigError where a printer's name or URI cannot be used."""
    check_name(printer.name, f"{path}.name", "printer")
    try:
        parts = urlsplit(printer.uri)
        whole = bool(parts.path) if parts.scheme == "file" else bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise ConfigError(f"{path}.uri", "this is not a URI: write it as ipps://host/ipp/print") from None
    if parts.scheme not in _SCHEMES:
        raise ConfigError(
            f"{path}.uri", f"the scheme {parts.scheme!r} is not spoken: use one of {', '.join(_SCHEMES)}"
        )
    if parts.username is not None or parts.password is not None:
        raise ConfigError(f"{path}.uri", "a name or password in a URI is seen by everybody: leave it out")
    if not whole:
        raise ConfigError(f"{path}.uri", "it names no place: write ipps://host/ipp/print or file:/folder")
    _check_texts(path, info=printer.info, location=printer.location)


def _check_texts(path: str, **texts: str) -> None:
    for name, text in texts.items():
        if len(text.encode()) > TEXT_OCTETS_MAX:
            raise ConfigError(f"{path}.{name}", f"more than {TEXT_OCTETS_MAX} octets: shorten it")
        if not text.isprintable():
            raise ConfigError(f"{path}.{name}", "it holds a control character: take it out")


def _check_unique(section: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen:
            raise ConfigError(f"$.{section}[{index}].name", f"{name!r} is there already: give another name")
        seen.add(name)


_PLACE: Final = re.compile(r"(?P<what>.*) - at `(?P<path>\$[^`]*)`", re.DOTALL)
_STEP: Final = re.compile(r"\.(\w+)|\[(?:\d+|\.\.\.)\]")
_UNKNOWN: Final = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_EXPECTED: Final = re.compile(r"Expected `(\w+)`, got `(\w+)`")
_KINDS: Final = {
    "int": "a whole number",
    "str": "a text in quotes",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
    "float": "a number with a fraction",
}
_MISSING: Final = re.compile(r"Object missing required field `(.*)`")


def _told(error: msgspec.ValidationError, root: type[Section]) -> ConfigError:
    """A validation error in our words: where, what was wrong, and what could stand there."""
    found = _PLACE.fullmatch(str(error))
    what, path = (found["what"], found["path"]) if found else (str(error), "$")
    node = _type_at(path, root)
    if isinstance(node, inspect.StructType):
        names = [field.name for field in node.fields]
        if unknown := _UNKNOWN.fullmatch(what):
            close = difflib.get_close_matches(unknown[1], names, 1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(names)}"
            return ConfigError(f"{path}.{unknown[1]}", f"no such key; {hint}")
        if missing := _MISSING.fullmatch(what):
            return ConfigError(f"{path}.{missing[1]}", "this key is missing: add it")
    if isinstance(node, inspect.LiteralType):
        return ConfigError(path, f"use one of {', '.join(map(str, node.values))}")
    if expected := _EXPECTED.fullmatch(what):
        want, got = (_KINDS.get(kind, kind) for kind in expected.groups())
        return ConfigError(path, f"write {want} here, not {got}")
    return ConfigError(path, what[:1].lower() + what[1:])


def _type_at(path: str, root: type[Section]) -> inspect.Type | None:
    node: inspect.Type | None = inspect.type_info(root)
    for step in _STEP.finditer(path):
        if isinstance(node, inspect.StructType) and step[1]:
            node = next((field.type for field in node.fields if field.name == step[1]), None)
        elif isinstance(node, inspect.VarTupleType) and not step[1]:
            node = node.item_type
        else:
            return None
    return node
