"""The generator of the vocabulary on an excerpt of the registry, and the committed modules."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from ipp import Operation
from ipp.enums import OpenEnum
from ipp.vocabulary import attributes, enums, generate, keywords

EXCERPT = Path(__file__).parent.parent / "data" / "iana"
SOURCES = [str(EXCERPT / name) for name in ("attributes.csv", "keywords.csv", "enums.csv")]
MODULES = ("attributes.py", "keywords.py", "enums.py")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("vocabulary")
    assert generate.main([*SOURCES, str(made)]) == 0
    return made


def load(path: Path) -> ModuleType:
    """A generated module, as a module of `ipp.vocabulary`."""
    module = ModuleType(f"ipp.vocabulary.{path.stem}")
    module.__package__ = "ipp.vocabulary"
    exec(compile(path.read_text(), path, "exec"), module.__dict__)  # made here, a line above
    return module


def test_it_says_how_to_be_used_when_it_is_used_otherwise(capsys: pytest.CaptureFixture[str]) -> None:
    assert generate.main(["one.csv"]) == 2
    assert "ATTRIBUTES.csv KEYWORDS.csv ENUMS.csv" in capsys.readouterr().err


def test_it_runs_as_a_program(tmp_path: Path, folder: Path) -> None:
    command = [sys.executable, "-m", "ipp.vocabulary.generate", *SOURCES, str(tmp_path)]
    subprocess.run(command, check=True, timeout=60)
    for name in MODULES:
        assert (tmp_path / name).read_text() == (folder / name).read_text()


def test_a_formatter_has_nothing_to_change(folder: Path) -> None:
    ruff = Path(sys.executable).with_name("ruff")
    command = [
        ruff,
        "format",
        "--check",
        "--isolated",
        "--line-length",
        "110",
        *(folder / name for name in MODULES),
    ]
    subprocess.run(command, check=True, timeout=60)


class TestAttributes:
    def test_names_stand_in_their_groups_without_notes(self, folder: Path) -> None:
        made = load(folder / "attributes.py")
        assert made.ATTRIBUTES["job-status"]["insert-sheet-actual"] == "1setOf collection"
        assert "overrides" in made.ATTRIBUTES["job-template"]
        assert "media-size" not in made.ATTRIBUTES["job-template"]

    def test_members_stand_under_their_path(self, folder: Path) -> None:
        made = load(folder / "attributes.py")
        assert made.MEMBERS["media-col"]["media-size"] == "collection"
        assert made.MEMBERS["media-col/media-size"]["x-dimension"] == "integer(1:MAX)"

    def test_collections_like_others_name_them(self, folder: Path) -> None:
        made = load(folder / "attributes.py")
        assert made.MEMBERS_LIKE["media-col-default"] == "media-col"
        assert made.MEMBERS_LIKE["overrides"] == "job-template"
        assert "media-col" not in made.MEMBERS_LIKE

    def test_two_registrations_are_united(self, folder: Path) -> None:
        made = load(folder / "attributes.py")
        assert made.MEMBERS["finishings-col/stitching"]["stitching-method"] == "type2 keyword"

    @pytest.mark.parametrize(
        ("written", "meant"),
        [
            ("integer:0:MAX", "integer(0:MAX)"),
            ("integer(MIN:MIN)", "integer(MIN:MAX)"),
            ("integer (0:MAX)", "integer(0:MAX)"),
            ("integer(0: 67108863)", "integer(0:67108863)"),
            ("dateTime|unknown", "dateTime | unknown"),
            ("text(255) | 'no-value'", "text(255) | no-value"),
            ("type2 keyword]", "type2 keyword"),
            ("1setOf  collection", "1setOf collection"),
            ("1setOf (name(MAX)", "1setOf (name(MAX))"),
            ("1setOf (1setOf integer(1:MAX))", "1setOf (1setOf integer(1:MAX))"),
            ("1setOf (type2 keyword | name(MAX))", "1setOf (type2 keyword | name(MAX))"),
        ],
    )
    def test_slips_of_the_pen_are_mended_and_nothing_else(self, written: str, meant: str) -> None:
        made = generate.attributes([("Operation", "a", "", "", written, "")])
        assert f'"a": "{meant}",' in made


class TestKeywords:
    def test_values_are_those_registered_without_notes(self, folder: Path) -> None:
        made = load(folder / "keywords.py")
        assert made.KEYWORDS["sides"] == {"one-sided", "two-sided-long-edge", "two-sided-short-edge"}
        assert "a" in made.KEYWORDS["media"]
        assert made.KEYWORDS["cover-type"] >= {"no-cover", "print-both"}
        assert "certificate+basic" in made.KEYWORDS["uri-authentication-supported"]

    def test_those_of_another_attribute_are_followed_to_the_end(self, folder: Path) -> None:
        made = load(folder / "keywords.py")
        assert made.KEYWORDS_LIKE["sides-supported"] == "sides"
        assert made.KEYWORDS_LIKE["input-media"] == "media"
        # IANA names one that does not exist beside the one it means, and one that takes its from a third.
        assert made.KEYWORDS_LIKE["job-delay-output-until-default"] == "job-delay-output-until"
        assert (
            made.KEYWORDS_LIKE["printer-pkcs7-repertoire-configured"] == "job-password-repertoire-supported"
        )

    def test_what_only_describes_values_names_no_attribute(self, folder: Path) -> None:
        made = load(folder / "keywords.py")
        assert "document-format-varying-attributes" not in made.KEYWORDS_LIKE

    def test_attributes_that_name_each_other_end_nowhere(self) -> None:
        rows = [("a", '<Any "b" value>'), ("b", '<Any "a" value>'), ("c", '<Any "c" value>')]
        assert "KEYWORDS_LIKE: dict[str, str] = {\n}" in generate.keywords(rows)


class TestEnums:
    def test_each_attribute_has_a_class_with_its_values(self, folder: Path) -> None:
        made = load(folder / "enums.py")
        assert {member.keyword: int(member) for member in made.JobState}["pending-held"] == 4
        assert made.PrintQuality.__doc__ == "Values of `print-quality`."

    def test_operations_are_hexadecimal_and_without_reserved_ones(self, folder: Path) -> None:
        made = load(folder / "enums.py")
        assert [member.name for member in made.Operation] == ["PRINT_JOB", "PRINT_URI", "GET_JOBS"]
        assert "GET_JOBS = 0x000A\n" in (folder / "enums.py").read_text()

    def test_attributes_that_take_those_of_another_are_told(self, folder: Path) -> None:
        made = load(folder / "enums.py")
        assert made.ENUMS["operations-supported"] is made.Operation
        assert made.ENUMS["print-quality-default"] is made.PrintQuality
        assert made.ENUMS["output-device-job-states"] is made.JobState
        assert "fetch-status-code" not in made.ENUMS


class TestCommitted:
    """What is committed is more of the same as what the excerpt gives."""

    @pytest.mark.parametrize("name", MODULES)
    def test_it_says_that_it_is_generated(self, name: str) -> None:
        text = Path(generate.__file__).with_name(name).read_text()
        assert "Generated by `python -m ipp.vocabulary.generate`" in text

    @pytest.mark.parametrize("name", MODULES)
    def test_it_holds_all_of_the_excerpt(self, folder: Path, name: str) -> None:
        committed = {"attributes.py": attributes, "keywords.py": keywords, "enums.py": enums}[name]
        for table, ours in vars(load(folder / name)).items():
            if not table.isupper():
                continue
            theirs = getattr(committed, table)
            assert ours.keys() <= theirs.keys()
            for key, value in ours.items():
                if isinstance(value, dict):
                    assert all(syntax in theirs[key][member] for member, syntax in value.items())
                elif isinstance(value, frozenset):
                    assert value <= theirs[key]
                elif isinstance(value, str):
                    assert value == theirs[key]
                else:
                    assert {member.name: int(member) for member in value}.items() <= {
                        member.name: int(member) for member in theirs[key]
                    }.items()

    def test_its_tables_name_only_what_exists(self) -> None:
        assert set(keywords.KEYWORDS_LIKE.values()) <= keywords.KEYWORDS.keys()
        assert all(issubclass(kind, OpenEnum) for kind in enums.ENUMS.values())
        assert enums.ENUMS["operations-supported"] is Operation
        known = {name for table in attributes.ATTRIBUTES.values() for name in table}
        members = {name for table in attributes.MEMBERS.values() for name in table}
        assert enums.ENUMS.keys() <= known | members
