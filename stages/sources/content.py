"""A file's bytes: unpacked on the way, cut into lines, whatever Unicode encoding they are in."""

import codecs
import gzip
import io
import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import zstandard

from rather.schemas.base import UserError

PACKED = {".gz": "gzip", ".zst": "zstd"}
PIECE = 1 << 18  # bytes read at once
AMISS = "half_a_letter"  # how what cannot be read of a file of wide letters is dealt with
CUT_SHORT = (EOFError, zlib.error, gzip.BadGzipFile, zstandard.ZstdError)


@dataclass
class Content:
    """A file; `num_lines` of its lines have been read."""

    path: Path
    num_lines: int = field(default=0, init=False)

    @property
    def packing(self) -> str | None:
        """How the file is packed, by its name."""
        return PACKED.get(self.path.suffix.lower())

    def open(self) -> io.BufferedReader:
        """Open the file to be read from beginning to end, unpacked."""
        try:
            raw = self.path.open("rb")
        except OSError as error:
            what = f"expected a file to read, found {error.strerror}"
            raise UserError(f"{self.path}: {what}") from None
        if self.packing == "gzip":
            return io.BufferedReader(gzip.GzipFile(fileobj=raw), PIECE)
        if self.packing == "zstd":
            return io.BufferedReader(_Zstd(raw), PIECE)
        return raw

    def whole(self) -> Path | io.BytesIO:
        """Return the path, or the unpacked bytes of a packed file, for random access."""
        if self.packing is None:
            return self.path
        with self.open() as stream:
            return io.BytesIO(stream.read())

    def lines(self) -> Iterator[bytes]:
        """Yield the lines that end with a line feed, as UTF-8."""
        with self.open() as stream:
            lines: Iterable[bytes] = stream
            encoding = _encoding(stream)
            if not encoding.startswith("utf-8"):
                text = io.TextIOWrapper(stream, encoding, AMISS, newline="\n")
                lines = (line.encode("utf-8", "surrogatepass") for line in text)
            for line in lines:
                self.num_lines += 1
                yield line.removeprefix(codecs.BOM_UTF8) if self.num_lines == 1 else line

    def texts(self) -> Iterator[str]:
        """Yield the lines with their ending of any kind; invalid bytes become surrogates."""
        with self.open() as stream:
            encoding = _encoding(stream)
            errors = "surrogateescape" if encoding.startswith("utf-8") else AMISS
            for line in io.TextIOWrapper(stream, encoding, errors, newline=""):
                self.num_lines += 1
                yield line


def _encoding(stream: io.BufferedReader) -> str:
    """Return the encoding by the byte order mark or the first letter's bytes (RFC 4627, 3)."""
    return json.detect_encoding(stream.peek(4)[:4])


def _half_a_letter(error: UnicodeError) -> tuple[str | bytes, int]:
    """Decode a lone surrogate as itself, and other invalid bytes as one."""
    assert isinstance(error, UnicodeDecodeError)
    try:
        return codecs.lookup_error("surrogatepass")(error)
    except UnicodeDecodeError:
        return "\udcff", error.end


codecs.register_error(AMISS, _half_a_letter)


class _Zstd(io.RawIOBase):
    """Unpacked zstd; unlike the library's own stream it says when a frame is cut short."""

    def __init__(self, raw: io.BufferedReader) -> None:
        self.raw = raw
        self.frame = zstandard.ZstdDecompressor().decompressobj()
        self.unpacked = memoryview(b"")
        self.packed = b""
        self.begun = False

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self.raw.close()
        super().close()

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill the buffer as far as one piece of the file does."""
        while not self.unpacked and self._next_piece():
            pass
        num = min(len(buffer), len(self.unpacked))
        buffer[:num] = self.unpacked[:num]
        self.unpacked = self.unpacked[num:]
        return num

    def _next_piece(self) -> bool:
        """Unpack the next piece; false at the end."""
        self.packed = self.packed or self.raw.read(PIECE)
        if not self.packed:
            if self.begun:
                raise EOFError("its end before the end of the compressed data")
            return False
        self.unpacked = memoryview(self.frame.decompress(self.packed))
        self.begun, self.packed = not self.frame.eof, self.frame.unused_data
        if self.frame.eof:
            self.frame = zstandard.ZstdDecompressor().decompressobj()
        return True
