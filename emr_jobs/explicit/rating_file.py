"""A file of ratings in S3, plain, .gz or .xz, as rows of texts that nobody has judged yet. Tasks read it.

A plain file is read in pieces, a packed one by one task. A line that does not have the fields of a rating
becomes a row of nulls: none is dropped in silence.
"""

import lzma
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import pyarrow as pa
from pyarrow import csv
from pyspark.sql import DataFrame, SparkSession

from emr_jobs.explicit.dialect import RATING_NAMES, Dialect, FileRefusedError, decoded, detect, shown
from emr_jobs.lake.objects import task_s3

PIECE_BYTES = 16 << 20  # of a plain file, for one task: its rows take some four times as much
HEAD_BYTES = 64 << 10  # enough to see the first line, packed or not
_AHEAD_BYTES = 4 << 10  # read beyond a piece, for the line that began in it
PACKED_BYTES = 1 << 20  # of a packed file at once
PARSED_BYTES = 64 << 20  # by Arrow in one go: more than any piece becomes
_ROWS = 1 << 16  # handed to Spark at once
_GZIP_WINDOW = 31  # zlib's word for "a gzip member with its header"
_GZIP, _XZ = b"\x1f\x8b", b"\xfd7zXZ\x00"
_FIELD = "\x1f"  # stands for `::`, which Arrow cannot part by

TEXTS = "user string, item string, rating string, time string"
_SCHEMA = pa.schema([(name, pa.string()) for name in ("user", "item", "rating", "time")])


@dataclass(frozen=True, slots=True)
class RatingFile:
    bucket: str
    key: str
    bytes: int
    packing: str  # "", "gzip" or "xz"
    dialect: Dialect

    @property
    def timed(self) -> bool:
        return "time" in self.dialect.columns

    def pieces(self) -> list[tuple[int, int]]:
        """The bytes from and up to which a task reads lines that begin there."""
        if self.packing:
            return [(0, self.bytes)]
        starts = range(0, self.bytes, PIECE_BYTES)
        return [(start, min(start + PIECE_BYTES, self.bytes)) for start in starts]


def found(s3: Any, bucket: str, key: str) -> RatingFile:
    """Raises FileRefusedError where it cannot be a file of ratings."""
    place = f"s3://{bucket}/{key}"
    try:
        size = int(s3.head_object(Bucket=bucket, Key=key)["ContentLength"])
    except s3.exceptions.ClientError as error:
        raise FileRefusedError(f"{place} cannot be read: {error}") from error
    head = (
        s3.get_object(Bucket=bucket, Key=key, Range=f"bytes=0-{HEAD_BYTES - 1}")["Body"].read()
        if size
        else b""
    )
    packing = "gzip" if head.startswith(_GZIP) else "xz" if head.startswith(_XZ) else ""
    text = decoded(_unpacker(packing)(head) if packing else head)
    dialect = detect(text, RATING_NAMES, ("user", "item", "rating"), place)
    if not dialect.header:
        first = text.lstrip("\ufeff\r\n ").split("\n", 1)[0]
        _check_first(first, dialect, place)
    return RatingFile(bucket, key, size, packing, dialect)


def _check_first(line: str, dialect: Dialect, place: str) -> None:
    rating = line.split(dialect.separator)[dialect.columns["rating"]].strip().strip('"')
    try:
        float(rating)
    except ValueError as error:
        raise FileRefusedError(
            f"{place} begins with {shown(line)}: that is neither a header that names user, item and rating, "
            f"nor a rating, since its third field {rating!r} is no number"
        ) from error


def read(spark: SparkSession, file: RatingFile) -> DataFrame:
    """A row of TEXTS for each line but blank ones and the header."""
    pieces = file.pieces()
    return spark.range(0, len(pieces), 1, len(pieces)).mapInArrow(_reader(file, pieces), TEXTS)


def _reader(
    file: RatingFile, pieces: list[tuple[int, int]]
) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def rows(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for place in batch.column(0).to_pylist():
                start, end = pieces[place]
                header = file.dialect.header and start == 0
                for lines in _lines(task_s3(), file, start, end):
                    yield from texts(lines, file.dialect, header=header).to_batches(max_chunksize=_ROWS)
                    header = False

    return rows


def texts(lines: bytes, dialect: Dialect, *, header: bool) -> pa.Table:
    """Rows of TEXTS; `header` says that the first line is one. Quotes mean nothing around a number."""
    plain = decoded(lines).replace('"', "").lstrip("\r\n \ufeff")
    if header:
        plain = plain.partition("\n")[2]
    whole = _parsed(plain, dialect)
    malformed = sum(map(bool, map(str.strip, plain.splitlines()))) - len(whole)
    nothing = pa.Table.from_arrays([pa.nulls(malformed, pa.string())] * len(_SCHEMA), schema=_SCHEMA)
    return pa.concat_tables([whole, nothing])


def _parsed(plain: str, dialect: Dialect) -> pa.Table:
    """The lines that have the fields of a rating."""
    if dialect.separator == "::":
        plain = plain.replace("::", _FIELD)
    names = [str(place) for place in range(dialect.width)]
    try:
        table = csv.read_csv(
            BytesIO(plain.encode()),
            csv.ReadOptions(column_names=names, use_threads=False, block_size=PARSED_BYTES),
            csv.ParseOptions(
                delimiter=_FIELD if dialect.separator == "::" else dialect.separator,
                quote_char=False,
                invalid_row_handler=lambda _row: "skip",
            ),
            csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False),
        )
    except pa.ArrowInvalid:  # nothing at all
        return _SCHEMA.empty_table()
    none = pa.array([""] * len(table), pa.string())
    places = dialect.columns
    columns = [table[str(places[name])] if name in places else none for name in _SCHEMA.names]
    return pa.Table.from_arrays(columns, schema=_SCHEMA)


def _lines(s3: Any, file: RatingFile, start: int, end: int) -> Iterator[bytes]:
    """Whole lines: those that begin in the piece."""
    place = {"Bucket": file.bucket, "Key": file.key}
    if not file.packing:
        yield begun_within(lambda *part: _range(s3, place, *part), start, end, file.bytes)
        return
    rest, unpack = b"", _unpacker(file.packing)
    for piece in s3.get_object(**place)["Body"].iter_chunks(PACKED_BYTES):
        whole, newline, rest = (rest + unpack(piece)).rpartition(b"\n")
        yield whole + newline
    yield rest


def begun_within(read: Callable[[int, int], bytes], start: int, end: int, size: int) -> bytes:
    """The lines that begin from byte `start` on and before `end`: the last may reach beyond."""
    data = read(max(0, start - 1), end)
    if start:
        data = data.partition(b"\n")[2]
    while data and end < size and not data.endswith(b"\n"):
        more = read(end, min(end + _AHEAD_BYTES, size))
        data += more[: more.find(b"\n") + 1] or more
        end += len(more)
    return data


def _range(s3: Any, place: dict[str, str], first: int, end: int) -> bytes:
    return bytes(s3.get_object(**place, Range=f"bytes={first}-{end - 1}")["Body"].read())


def _unpacker(packing: str) -> Callable[[bytes], bytes]:
    return (
        zlib.decompressobj(_GZIP_WINDOW).decompress
        if packing == "gzip"
        else lzma.LZMADecompressor().decompress
    )
