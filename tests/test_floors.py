"""The floors of ARCHITECTURE.md, held by reading every import.

A file imports from its own floor and from lower ones, never in a circle; the libraries know neither each
other nor the daemon; nothing below their I/O floor touches a network.
"""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# Lowest first. A name stands for a module, or for a package with all that is in it.
FLOORS: dict[str, list[set[str]]] = {
    "ipp": [
        {"enums", "errors", "values", "media", "vocabulary"},
        {"message"},
        {"registry", "encoder", "decoder", "compression", "icon"},
        {"job", "exchange", "ticket", "everywhere", "dnssd", "peer"},
        {"spool", "memory", "subscriptions", "printer", "operations"},
        {"tls", "trust", "listener", "connection", "repeats", "body", "endpoint", "upload", "client"},
        {"advertiser", "profile", "zone", "show"},
        {"__main__"},
    ],
    "pcl": [
        {"errors", "report", "tables", "media", "colour", "detect"},
        {
            *("language", "spool", "text", "pjl", "hpgl", "worker"),
            *("raster_page", "raster_colour", "raster_lanes", "raster", "raster_analyzer", "raster_writer"),
        },
        {"document", "image", "pdf", "postscript", "confined"},
        {"pcl5", "pcl5_commands", "pcl5_macros", "pcl5_page", "pcl5_paper"},
        {
            *("pclxl", "pclxl_page", "pclxl_patterns", "pclxl_signatures", "pclxl_streams", "pclxl_values"),
            *("pclxl_writer", "pclxl_graphics", "pclxl_runs"),
        },
        {"analyze", "convert"},
        {"__main__"},
    ],
    "server": [
        {"errors", "config", "logs"},
        {"storage"},
        {"identity", "place"},
        {"jobs"},
        {"delivery", "release", "probe"},
        {"fleet", "describe", "gate", "announce"},
        {"admin", "web"},
        {"daemon"},
        {"tables", "cli", "__main__"},
    ],
}

# What reaches a network or a device, by package and the floor from which on it may be imported.
NETWORK = {"aiohttp", "zeroconf", "socket", "ssl", "http", "dns", "urllib.request", "socketserver"}
NETWORK_FROM = {"ipp": 5, "pcl": 7}
# The confined worker is spoken to, and handed its document, over a pair of local sockets.
NETWORK_EXEMPT = {("pcl.worker", "socket"), ("pcl.confined", "socket")}


def modules_of(package: str) -> dict[str, Path]:
    """Every module below a package, by its absolute name."""
    found = {}
    for path in (ROOT / package).rglob("*.py"):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        found[name.removesuffix(".__init__")] = path
    return found


def imports_of(path: Path) -> set[str]:
    """Absolute names of every module that the file imports, wherever in the file it does."""
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            stem = ".".join([*base, *(node.module or "").split(".")]).strip(".")
            found.add(stem)
            found.update(f"{stem}.{alias.name}" for alias in node.names)
    return found


def floor_of(module: str) -> int | None:
    """On which floor a module stands; None for a package's own `__init__`, which only hands on names."""
    package, _, rest = module.partition(".")
    room = rest.partition(".")[0]
    if not room:
        return None
    floors = [number for number, rooms in enumerate(FLOORS[package]) if room in rooms]
    assert len(floors) == 1, f"{module} stands on {len(floors)} floors: put it on one in tests/test_floors.py"
    return floors[0]


@pytest.mark.parametrize("package", FLOORS)
def test_a_file_imports_from_its_own_floor_or_lower(package: str) -> None:
    modules = modules_of(package)
    for module, path in modules.items():
        here = floor_of(module)
        for imported in imports_of(path) & modules.keys():
            there = floor_of(imported)
            if here is not None and there is not None:
                assert there <= here, f"{module} (floor {here}) imports {imported} (floor {there})"


@pytest.mark.parametrize("package", ["ipp", "pcl", "server"])
def test_no_imports_go_in_a_circle(package: str) -> None:
    modules = modules_of(package)
    left = {name: (imports_of(path) & modules.keys()) - {name} for name, path in modules.items()}
    while free := {name for name, needs in left.items() if not needs & left.keys()}:
        left = {name: needs for name, needs in left.items() if name not in free}
    assert not left, f"these import each other: {sorted(left)}"


def test_the_libraries_know_neither_each_other_nor_the_daemon() -> None:
    strangers = {"ipp": {"pcl", "server"}, "pcl": {"ipp", "server"}}
    for package, forbidden in strangers.items():
        for module, path in modules_of(package).items():
            roots = {name.partition(".")[0] for name in imports_of(path)}
            assert not roots & forbidden, f"{module} imports {sorted(roots & forbidden)}"


@pytest.mark.parametrize(("package", "lowest"), NETWORK_FROM.items())
def test_nothing_below_the_io_floor_touches_a_network(package: str, lowest: int) -> None:
    for module, path in modules_of(package).items():
        floor = floor_of(module)
        if floor is not None and floor < lowest:
            reached = {name for name in imports_of(path) & NETWORK if (module, name) not in NETWORK_EXEMPT}
            assert not reached, f"{module} (floor {floor}) imports {sorted(reached)}"
