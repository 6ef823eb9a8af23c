"""Files of ratings and items, in every form they come in: read right, or refused with what is wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emr_jobs.explicit import item_file, rating_file
from emr_jobs.explicit.dialect import ITEM_NAMES, RATING_NAMES, FileRefusedError, decoded, detect

WANTED = ("user", "item", "rating")
HEADED = b"userId,movieId,rating,timestamp\n1,31,2.5,1260759144\n2,31,4,1260759145\n"


def read(raw, name="s3://b/ratings.csv"):
    dialect = detect(decoded(raw), RATING_NAMES, WANTED, name)
    return rating_file.texts(raw, dialect, header=dialect.header).to_pydict()


@pytest.mark.parametrize(
    "raw",
    [
        HEADED,
        HEADED.replace(b"\n", b"\r\n"),
        b"\xef\xbb\xbf" + HEADED,
        HEADED.replace(b",", b"::"),
        HEADED.partition(b"\n")[2],
        HEADED.partition(b"\n")[2].replace(b",", b"\t"),
        HEADED.partition(b"\n")[2].replace(b",", b"::"),
        b"timestamp;rating;user;item\n1260759144;2.5;1;31\n\n1260759145;4;2;31",
        b'"userId","movieId","rating","timestamp"\n"1","31","2.5","1260759144"\n"2","31","4","1260759145"\n',
    ],
)
def test_the_same_ratings_are_read_from_every_form(raw):
    assert read(raw) == {
        "user": ["1", "2"],
        "item": ["31", "31"],
        "rating": ["2.5", "4"],
        "time": ["1260759144", "1260759145"],
    }


def test_a_line_with_other_fields_becomes_a_row_of_nulls():
    assert read(HEADED + b"3,31\n3,31,4,5,6\n")["user"] == ["1", "2", None, None]


def test_lines_none_of_which_has_the_fields_are_all_there():
    assert read(HEADED.partition(b"\n")[0] + b"\nnonsense\nmore of it\n")["user"] == [None, None]


def test_a_file_without_times_has_empty_ones():
    assert read(b"user,item,rating\n1,2,3\n")["time"] == [""]


def test_what_is_not_utf8_is_read_as_latin1():
    assert read(b"Jos\xe9,31,4,1\n")["user"] == ["José"]


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ("", "is empty"),
        ("\n \n", "is empty"),
        ("1 31 2.5 1260759144\n", "user, item, rating, parted by a comma, a tab, a semicolon or `::`"),
        ("1|31|2.5|1260759144\n", "parted by a comma"),
        ("1,31\n", "user, item, rating"),
        ("userId,movieId,tag,timestamp\n", "names no rating: call it, say, stars"),
    ],
)
def test_what_is_no_file_of_ratings_is_refused_with_what_it_should_be(raw, said):
    with pytest.raises(FileRefusedError, match=f"s3://b/ratings.csv.*{said}"):
        detect(raw, RATING_NAMES, WANTED, "s3://b/ratings.csv")


class S3:
    """One object, as boto3 would hand it out."""

    def __init__(self, raw):
        self.raw = raw

    def head_object(self, **_place):
        return {"ContentLength": len(self.raw)}

    def get_object(self, Range, **_place):  # noqa: N803 (boto3's name)
        first, last = map(int, Range.removeprefix("bytes=").split("-"))
        raw = self.raw[first : last + 1]

        class Body:
            def read(self):
                return raw

        return {"Body": Body()}


def test_ratings_as_text_without_a_header_are_refused_before_anything_runs():
    with pytest.raises(FileRefusedError, match="third field 'good' is no number"):
        rating_file.found(S3(b"1,31,good,1260759144\n"), "b", "k")


@pytest.mark.parametrize("packing", ["gzip", "lzma"])
def test_a_packed_files_first_line_is_seen_without_unpacking_it_all(packing):
    pack = __import__(packing).compress
    raw = pack(HEADED + b"".join(f"{n},{n * 7919 % 100_003},3,{n}\n".encode() for n in range(200_000)))
    assert len(raw) > rating_file.HEAD_BYTES
    found = rating_file.found(S3(raw), "b", "k")
    assert (found.packing, found.dialect.header, found.pieces()) == (
        {"gzip": "gzip", "lzma": "xz"}[packing],
        True,
        [(0, len(raw))],
    )


@given(
    st.lists(st.binary(max_size=12).map(lambda raw: raw.replace(b"\n", b"")), min_size=1),
    st.integers(1, 9),
    st.booleans(),
)
def test_pieces_of_a_file_hold_each_line_once(lines, size, ended):
    raw = b"\n".join(lines) + (b"\n" if ended else b"")
    pieces = [
        rating_file.begun_within(
            lambda first, end: raw[first:end], start, min(start + size, len(raw)), len(raw)
        )
        for start in range(0, len(raw), size)
    ]
    assert b"".join(pieces) == raw


def test_items_keep_their_titles_whatever_stands_in_them():
    raw = b'movieId,title,genres\n1,"American President, The (1995)",Comedy|Drama\n2,"Say ""no""",\n'
    assert item_file.parse(raw, "items").rows.to_pylist() == [
        {"item": "1", "title": "American President, The (1995)", "genres": ["Comedy", "Drama"]},
        {"item": "2", "title": 'Say "no"', "genres": []},
    ]


def test_old_items_are_read_without_a_header_and_in_latin1():
    found = item_file.parse(b"1::Les Mis\xe9rables (1995)::Drama|Musical\n", "movies.dat")
    assert found.rows.to_pylist() == [
        {"item": "1", "title": "Les Misérables (1995)", "genres": ["Drama", "Musical"]}
    ]


def test_items_without_titles_are_called_by_their_names_and_counted():
    found = item_file.parse(b"item,title\n7,\n7,Again\n,Nothing\n8\n", "items")
    assert [(row["item"], row["title"]) for row in found.rows.to_pylist()] == [("7", "7"), ("8", "8")]
    assert dict(found.said) == {
        "items without a title": 2,
        "lines of an item that is there already": 1,
        "lines without an item": 1,
    }


def test_a_file_that_names_no_item_is_refused():
    with pytest.raises(FileRefusedError, match="names no item"):
        item_file.parse(b"movieId,title,genres\n", "items")
    assert detect("1::A::B\n", ITEM_NAMES, ("item",), "items").separator == "::"
