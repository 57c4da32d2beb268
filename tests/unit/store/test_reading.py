"""Reading candidates for resources from files and values."""

from __future__ import annotations

import gzip
import io
import json
import tracemalloc
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from fhir4ds.errors import SourceError
from fhir4ds.store import reading
from fhir4ds.store.reading import Candidate, FileSequence, ValueSource, open_source
from fhir4ds.store.report import Rejection

A, B, C = '{"id": "a", "v": 1.50}', '{"id":"b","v":1e2}', '{ "id": "c" }'
BUNDLE = '{"resourceType": "Bundle", "entry": [{"resource": ' + A + '}, {"resource": ' + B + "}]}"


def texts(source: Any) -> list[tuple[int, str]]:
    """Lines and texts or reasons."""
    return [
        (item.line, item.reason if isinstance(item, Rejection) else item.text) for item in open_source(source).read()
    ]


def write(folder: Path, name: str, content: str | bytes, *, zipped: bool = False) -> Path:
    encoded = content.encode() if isinstance(content, str) else content
    (folder / name).write_bytes(gzip.compress(encoded) if zipped else encoded)
    return folder / name


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (f"{A}\n{B}\n", [(1, A), (2, B)]),
        (f"{A}\r\n\r\n  {B} \t\n\n{C}", [(1, A), (3, B), (5, C)]),
        (f"\ufeff{A}\n", [(1, A)]),
        (f'{A}\nnot json\n{{"x": "\u2028 \x85 \x0b"}}\n', [(1, A), (2, "not json"), (3, '{"x": "\u2028 \x85 \x0b"}')]),
        (A.encode() + b'\n{"id": "\xff"}\n' + B.encode(), [(1, A), (2, "not UTF-8"), (3, B)]),
        (A.encode("utf-16"), [(1, "not UTF-8")]),
        ("", []),
        ("\n \n", []),
        (f"{BUNDLE}\n", [(1, BUNDLE)]),
    ],
)
def test_lines(tmp_path: Path, content: str | bytes, expected: list[Any], zipped: bool) -> None:
    file = write(tmp_path, "x.ndjson", content, zipped=zipped)
    assert texts(file) == expected
    assert all(item.file == str(file) for item in open_source(file).read())


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (A, [(1, A)]),
        (f"\ufeff[{A},\n{B},\n\n\n {C}]", [(1, A), (2, B), (5, C)]),
        (BUNDLE, [(1, A), (1, B)]),
        (json.dumps(json.loads(BUNDLE), indent=1), [(5, '{\n    "id": "a",\n    "v": 1.5\n   }'), (11, '{\n    "id": "b",\n    "v": 100.0\n   }')]),
        (f"[{A},\n{B}\n{C}]", [(1, A), (2, B), (3, "not JSON: Expecting ',' delimiter at column 1: the rest was not read")]),
        (f"[{A},\n{B[:8]}", [(1, A), (2, "not JSON: Unterminated string starting at column 7: the rest was not read")]),
        (b'[1,\n\n"\xff"]', [(3, "not UTF-8: nothing of the file was read")]),
        ("[" * 100_000, [(1, "nested too deeply: the rest was not read")]),
        ("", []),
        (" \n", []),
    ],
)  # fmt: skip
def test_documents(tmp_path: Path, content: str | bytes, expected: list[Any], zipped: bool) -> None:
    file = write(tmp_path, "x.json", content, zipped=zipped)
    assert texts(file) == expected
    assert all(item.file == str(file) for item in open_source(file).read())


def test_numbers_are_cut_out_as_they_stand(tmp_path: Path) -> None:
    numbers = "[1.50,1e2,-0.0,1E+5,123456789012345678901234567890.10]"
    file = write(tmp_path, "x.json", f'[{{"v": {numbers}}}]')
    assert texts(file) == [(1, f'{{"v": {numbers}}}')]


@pytest.mark.parametrize("cut", [1, 8, 12, 200])
def test_a_damaged_compressed_file_gives_what_can_be_read(tmp_path: Path, cut: int) -> None:
    lines = [f'{{"id": "{number * 7919 % 10007}"}}' for number in range(2000)]
    file = tmp_path / "x.ndjson.gz"
    file.write_bytes(gzip.compress("\n".join(lines).encode())[:-cut])
    *read, last = texts(file)
    assert last == (len(read) + 1, "the compressed file is damaged here: the rest was not read")
    assert [text for _, text in read] == lines[: len(read)]
    assert len(read) > 1000


def test_a_damaged_compressed_document_is_not_read(tmp_path: Path) -> None:
    document = tmp_path / "x.json.gz"
    document.write_bytes(gzip.compress(f"[{A}]".encode())[:-3])
    assert texts(document) == [(1, "the compressed file is damaged: nothing of it was read")]


def test_bytes_that_only_look_compressed(tmp_path: Path) -> None:
    file = write(tmp_path, "x.ndjson.gz", b"\x1f\x8bnonsense")
    assert texts(file) == [(1, "the compressed file is damaged here: the rest was not read")]


def test_compression_is_told_by_content_not_by_name(tmp_path: Path) -> None:
    write(tmp_path, "a.ndjson", A, zipped=True)
    write(tmp_path, "b.ndjson.gz", B, zipped=False)
    assert texts(tmp_path) == [(1, A), (1, B)]


def test_a_line_that_is_too_long_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LONGEST", len(A))
    long = '{"id": "' + "x" * 5_000_000 + '"}'
    file = write(tmp_path, "x.ndjson", f"{A}\n{long}\n{B}\n{long}")
    too_long = "longer than 255 MiB, which PostgreSQL cannot store"
    assert texts(file) == [(1, A), (2, too_long), (3, B), (4, too_long)]


def test_a_file_that_vanishes_is_an_error(tmp_path: Path) -> None:
    file = write(tmp_path, "x.ndjson", A)
    source = open_source(file)
    file.unlink()
    with pytest.raises(SourceError) as error:
        list(source.read())
    assert error.value.message == f"cannot read {file}: No such file or directory"
    assert isinstance(error.value.__cause__, OSError)


@pytest.mark.parametrize("zipped", [False, True])
def test_the_position_goes_from_nothing_to_everything(tmp_path: Path, zipped: bool) -> None:
    for name in ("a.ndjson", "b.json"):
        write(tmp_path, name, f"{A}\n{B}\n" if name == "a.ndjson" else f"[{A}]", zipped=zipped)
    source = open_source(tmp_path)
    assert (source.position, source.size) == (0, sum(file.stat().st_size for file in tmp_path.iterdir()))
    for _ in range(2):
        positions = [source.position for _ in source.read()]
        assert positions == sorted(positions)
        assert source.position == source.size


def test_ndjson_is_never_in_memory_as_a_whole(tmp_path: Path) -> None:
    file = tmp_path / "x.ndjson"
    with file.open("w") as out:
        for number in range(20_000):
            out.write(f'{{"id": "{number}", "text": "{"x" * 500}"}}\n')
    (tmp_path / "x.ndjson.gz").write_bytes(gzip.compress(file.read_bytes()))
    tracemalloc.start()
    try:
        assert sum(1 for _ in open_source(tmp_path).read()) == 40_000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2_000_000 < file.stat().st_size


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"id": "a", "v": 1.5}, [(1, '{"id":"a","v":1.5}')]),
        (MappingProxyType({"id": "a", "v": Decimal("1.50")}), [(1, '{"id": "a", "v": 1.50}')]),
        (A, [(1, A)]),
        (f"  {A}", [(1, f"  {A}")]),
        (A.encode(), [(1, A)]),
        ([A, {"id": "\u00e9\u2028"}, B.encode()], [(1, A), (2, '{"id":"\u00e9\u2028"}'), (3, B)]),
        ((json.loads(A), json.loads(C)), [(1, '{"id":"a","v":1.5}'), (2, '{"id":"c"}')]),
        ([], []),
        (iter([]), []),
        (iter([C, B]), [(1, C), (2, B)]),
        (io.StringIO(f"{A}\n\n{B}"), [(1, f"{A}\n"), (3, B)]),
        (io.BytesIO(f"{A}\n\n{B}".encode()), [(1, f"{A}\n"), (3, B)]),
        ([A, "not json", ""], [(1, A), (2, "not json")]),
        (BUNDLE, [(1, A), (1, B)]),
        ([json.loads(BUNDLE), C], [(1, '{"id":"a","v":1.5}'), (1, '{"id":"b","v":100.0}'), (2, C)]),
        ([BUNDLE[:-1], C], [(1, A), (1, B), (1, "not JSON: Expecting ',' delimiter at column 109: the rest was not read"), (2, C)]),
        ([A, 7, None, object()], [(1, A), *((n, "cannot be written as JSON: TypeError") for n in (2, 3, 4))]),
        ([{"id": {1, 2}}, C], [(1, "cannot be written as JSON: TypeError"), (2, C)]),
        ([C, b"\xff", '{"id": "\ud800"}', {"id": "\udfff"}], [(1, C), *((n, "not Unicode text") for n in (2, 3, 4))]),
    ],
)  # fmt: skip
def test_values(given: Any, expected: list[Any]) -> None:
    assert texts(given) == expected


def test_a_mapping_that_contains_itself_is_refused() -> None:
    loop: dict[str, Any] = {}
    loop["loop"] = loop
    [(_, reason)] = texts([loop])
    assert reason == "cannot be written as JSON: ValueError"


def test_the_position_of_values_counts_characters() -> None:
    source = open_source([A, C])
    assert (source.size, [source.position for _ in source.read()]) == (None, [len(A), len(A) + len(C)])


def generator() -> Iterator[Mapping[str, Any]]:
    yield {"id": "a"}


@pytest.mark.parametrize(
    ("given", "repeatable"),
    [([A], True), ((A,), True), (A, True), ({"id": "a"}, True), ({A: 1}.keys(), True), ([], True),
     (iter([A]), False), (generator(), False), (io.StringIO(A), False), (map(str, [A]), False)],
)  # fmt: skip
def test_what_can_be_read_again_is_known(given: Any, repeatable: bool) -> None:
    source = open_source(given)
    assert isinstance(source, ValueSource)
    assert source.repeatable is repeatable
    first = list(source.read())
    assert not repeatable or list(source.read()) == first


def test_paths_are_told_from_resources(tmp_path: Path) -> None:
    file = write(tmp_path, "x.ndjson", A)
    for given in (file, str(file), [file], [str(file)], iter([file]), (str(path) for path in [file])):
        source = open_source(given)
        assert isinstance(source, FileSequence)
        assert source.repeatable
        assert list(source.read()) == [Candidate(A, str(file), 1)]


@pytest.mark.parametrize("mixed", [["x.ndjson", {"id": "a"}], [Path("x.ndjson"), A], ["x.ndjson", 7]])
def test_paths_and_resources_are_not_mixed(mixed: list[Any]) -> None:
    with pytest.raises(SourceError, match="paths and resources are mixed"):
        open_source(mixed)


def test_a_path_that_is_missing_is_told_before_anything_is_read() -> None:
    with pytest.raises(SourceError, match="no such file or folder: nowhere"):
        open_source("nowhere")
