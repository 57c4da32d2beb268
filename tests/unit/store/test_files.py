"""Finding files of resources."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from fhir4ds.errors import SourceError
from fhir4ds.plan.source import FileSource
from fhir4ds.store.files import ResourceFile, file_source, find_files


@pytest.fixture
def export(tmp_path: Path) -> Path:
    files = {
        "b/Patient.ndjson": "{}\n",
        "b/deep/er/x.JSON": "[]",
        "a.ndjson.gz": "",
        "Z.jsonl": "{}",
        "c.json": "{}",
        "d.json.gz": "{}",
        "readme.md": "x",
        "plain": "x",
        "data.csv": "x",
        ".hidden.ndjson": "{}",
        ".cache/x.ndjson": "{}",
        "b/._Patient.ndjson": "x",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def names(files: tuple[ResourceFile, ...], folder: Path) -> list[str]:
    return [str(Path(file.path).relative_to(folder)) for file in files]


def test_a_folder_is_searched_at_any_depth(export: Path) -> None:
    assert names(find_files(export), export) == [
        "Z.jsonl",
        "a.ndjson.gz",
        "c.json",
        "d.json.gz",
        "b/Patient.ndjson",
        "b/deep/er/x.JSON",
    ]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*.json", ["c.json"]),
        ("*", ["Z.jsonl", "a.ndjson.gz", "b/Patient.ndjson", "b/deep/er/x.JSON", "c.json", "d.json.gz"]),
        ("**/*.ndjson", ["b/Patient.ndjson"]),
        ("[Zc].*", ["Z.jsonl", "c.json"]),
        ("?.json*", ["Z.jsonl", "c.json", "d.json.gz"]),
    ],
)
def test_patterns(export: Path, pattern: str, found: list[str]) -> None:
    assert names(find_files(str(export / pattern)), export) == found


def test_each_file_is_there_once_where_it_came_first(export: Path) -> None:
    paths = [export / "c.json", str(export / "b"), export / "*.json", export / "b" / ".." / "c.json"]
    assert [file.path for file in find_files(paths)] == [
        str(export / "c.json"),
        str(export / "b" / "Patient.ndjson"),
        str(export / "b" / "deep" / "er" / "x.JSON"),
    ]


def test_a_name_with_brackets_is_a_name_if_it_exists(tmp_path: Path) -> None:
    (tmp_path / "a[1].json").write_text("{}")
    assert names(find_files(tmp_path / "a[1].json"), tmp_path) == ["a[1].json"]


def test_paths_are_taken_from_the_current_folder(export: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(export)
    assert [file.path for file in find_files(["c.json", Path("b")])] == [
        "c.json",
        os.path.join("b", "Patient.ndjson"),
        os.path.join("b", "deep", "er", "x.JSON"),
    ]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("nowhere.ndjson", "no such file or folder: {}/nowhere.ndjson"),
        ("plain", "cannot tell what is in {}/plain"),
        (".cache/..", None),
        ("*.md", "no files of resources match {}/*.md"),
        ("*.none", "no files of resources match {}/*.none"),
        ("empty", "no files of resources in {}/empty"),
    ],
)
def test_a_path_without_resources_is_an_error(export: Path, path: str, message: str | None) -> None:
    (export / "empty").mkdir()
    if message is None:
        assert find_files(str(export / path))
        return
    with pytest.raises(SourceError) as error:
        find_files([export / "c.json", str(export / path)])
    assert error.value.message == message.format(export)
    assert error.value.hint is not None


def test_no_path_is_an_error() -> None:
    with pytest.raises(SourceError, match="no files were named"):
        find_files([])


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", False),
        ("{}", False),
        ("{}\n", False),
        ("{}\n\n", False),
        ("[{}]\n{}\n", False),
        ("{\n}\n", False),
        ('{"a": 1}\n{"a": 2}\n', True),
        ('{"a": 1}\r\n  {"a": 2', True),
        ('[\n{"a": 1},\n{"a": 2}]', False),
        ("1\n{}", False),
        ("\xff", False),
    ],
)
@pytest.mark.parametrize("zipped", [False, True])
def test_ndjson_that_is_named_json_is_read_line_by_line(tmp_path: Path, text: str, lines: bool, zipped: bool) -> None:
    encoded = text.encode("latin-1")
    (tmp_path / "x.json").write_bytes(gzip.compress(encoded) if zipped else encoded)
    [file] = find_files(tmp_path)
    assert file == ResourceFile(str(tmp_path / "x.json"), (tmp_path / "x.json").stat().st_size, lines)


def test_a_damaged_file_is_still_found(tmp_path: Path) -> None:
    (tmp_path / "x.json.gz").write_bytes(gzip.compress(b"{}\n{}")[:-12])
    (tmp_path / "y.json.gz").write_bytes(b"\x1f\x8bnonsense, and nothing else")
    assert [file.lines for file in find_files(tmp_path)] == [False, False]


def test_a_source_tells_lines_from_documents(export: Path) -> None:
    (export / "lines.json").write_text("{}\n{}\n")
    assert file_source([export / "b", export / "*.json", export / "a.ndjson.gz"]) == FileSource(
        ndjson=(str(export / "b/Patient.ndjson"), str(export / "lines.json"), str(export / "a.ndjson.gz")),
        documents=(str(export / "b/deep/er/x.JSON"), str(export / "c.json")),
    )


def test_a_link_to_nowhere_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "x.ndjson").symlink_to(tmp_path / "gone")
    with pytest.raises(SourceError) as error:
        find_files(tmp_path)
    assert error.value.message == f"cannot read {tmp_path / 'x.ndjson'}: No such file or directory"


@pytest.mark.parametrize("path", ["x" * 5000 + ".ndjson", "a\0b.ndjson"])
def test_a_path_that_no_file_can_have_is_an_error(path: str) -> None:
    with pytest.raises(SourceError):
        find_files(path)


def test_a_url_is_refused_and_not_repeated() -> None:
    with pytest.raises(SourceError) as error:
        find_files("postgresql://ada:s3cret@host/clinic")
    assert str(error.value) == ("a URL is no file or folder of resources\nhint: a database is named when it is opened")
