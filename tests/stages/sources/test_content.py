"""Bytes of files: packed, encoded, cut short."""

import gzip
from pathlib import Path

import pytest
import zstandard

from rather.schemas.base import UserError
from tests.stages.sources.sheets import read

LINE = b'{"a": 1}\n'
PACK = {".gz": gzip.compress, ".zst": zstandard.ZstdCompressor().compress}
MANY = b"".join(b'{"a": "%d"}\n' % (number * 7919) for number in range(200_000))


@pytest.mark.parametrize("ending", PACK)
@pytest.mark.parametrize(("name", "content"), [("a.jsonl", LINE), ("a.json", b'[{"a": 1}]')])
def test_packed_files_are_unpacked(ending: str, name: str, content: bytes, tmp_path: Path) -> None:
    """By their ending, whether they are read line by line or whole."""
    assert read(tmp_path, name + ending, PACK[ending](content))[0] == [(1, {"a": 1})]


@pytest.mark.parametrize("ending", PACK)
def test_packed_files_can_be_joined(ending: str, tmp_path: Path) -> None:
    """Two packed files one after the other are one, as `cat a.gz b.gz` makes them."""
    packed = PACK[ending](LINE) + PACK[ending](LINE)
    assert read(tmp_path, "a.jsonl" + ending, packed)[0] == [(1, {"a": 1}), (2, {"a": 1})]


@pytest.mark.parametrize("ending", PACK)
def test_a_file_cut_short_is_refused(ending: str, tmp_path: Path) -> None:
    """With the line after which it breaks off; no part of it is taken for the whole."""
    with pytest.raises(UserError, match=r"a whole (gzip|zstd) file, found .* after [\d,]+ lines"):
        read(tmp_path, "a.jsonl" + ending, PACK[ending](MANY)[:-12])


@pytest.mark.parametrize("ending", PACK)
@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.json", "a.parquet"])
def test_what_is_not_packed_is_refused(ending: str, name: str, tmp_path: Path) -> None:
    """A plain file under a packed name."""
    with pytest.raises(UserError, match="expected a whole"):
        read(tmp_path, name + ending, b'{"a": 1}' * 9)


def test_a_byte_order_mark_is_no_data(tmp_path: Path) -> None:
    """Files saved by Windows editors begin with one."""
    assert read(tmp_path, "a.jsonl", b"\xef\xbb\xbf" + LINE)[0] == [(1, {"a": 1})]
    assert read(tmp_path, "a.csv", b"\xef\xbb\xbfa\n1\n")[0] == [(2, {"a": "1"})]


@pytest.mark.parametrize("mark", ["\ufeff", ""])
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_wide_letters_are_known(encoding: str, mark: str, tmp_path: Path) -> None:
    """By their mark, as Excel and PowerShell write it, or by the zeros in the first letter."""
    lines = mark + '{"a": "é"}\n{"a": "猫"}\n'
    found = read(tmp_path, "a.jsonl", lines.encode(encoding))
    assert found == ([(1, {"a": "é"}), (2, {"a": "猫"})], [])
    table = (mark + "a,b\r\né,猫\r\n").encode(encoding)
    assert read(tmp_path, "a.csv", table)[0] == [(2, {"a": "é", "b": "猫"})]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
@pytest.mark.parametrize(("name", "reason"), [("a.jsonl", "invalid_json"), ("a.csv", "not_utf8")])
def test_half_a_letter_costs_its_line_alone(
    name: str, reason: str, encoding: str, tmp_path: Path
) -> None:
    """A file of wide letters that was cut in the middle of one."""
    lines = '{"a": 1}\n{"a": 2}\n{"a": 3}'.encode(encoding)
    good, bad = read(tmp_path, name, lines[:-1])
    assert ([line for line, _ in good][-1], bad) == (2, [(3, reason)])


def test_half_a_surrogate_pair_is_kept(tmp_path: Path) -> None:
    """To be judged with the cell it stands in."""
    line = '{"a": "\ud800"}\n'.encode("utf-16-le", "surrogatepass")
    assert read(tmp_path, "a.jsonl", line)[0] == [(1, {"a": "\ud800"})]
