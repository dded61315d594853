"""The floors of ARCHITECTURE.md, held by reading every import: a file imports only from lower floors."""

import ast
from pathlib import Path

ROOT = Path(__file__).parent.parent


def imports_of(path: Path) -> set[str]:
    """Absolute names of every module that the file imports, wherever in the file it does."""
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = [*package[: len(package) - node.level + 1], *(node.module or "").split(".")]
            stem = ".".join(part for part in (base if node.level else (node.module or "").split(".")) if part)
            found.add(stem)
            found.update(f"{stem}.{alias.name}" for alias in node.names)
    return found


def test_the_libraries_know_neither_each_other_nor_the_server() -> None:
    strangers = {"ipp": {"pcl", "server"}, "pcl": {"ipp", "server"}}
    for package, forbidden in strangers.items():
        for path in (ROOT / package).rglob("*.py"):
            roots = {name.split(".")[0] for name in imports_of(path)}
            assert not roots & forbidden, f"{path.relative_to(ROOT)} imports {sorted(roots & forbidden)}"
