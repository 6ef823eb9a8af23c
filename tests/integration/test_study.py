"""A study from a file in S3 to lists that are served, on the real Spark and the real local AWS."""

import csv
import gzip
import io
import json
import random
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from pyspark.sql import functions as F

from contracts import history, publications
from contracts.lists import POPULAR_KEY, customer_key, from_dynamo, from_plain
from emr_jobs import study as entry
from emr_jobs.explicit import (
    blocks,
    cleaning,
    crossvalidation,
    item_file,
    mllib,
    models,
    rating_file,
    scoring,
)
from emr_jobs.explicit.asked import Asked
from emr_jobs.explicit.cleaning import NoRatingsError, Scale
from emr_jobs.explicit.dialect import FileRefusedError
from emr_jobs.explicit.folds import NOTHING, Folds, TooFewError
from emr_jobs.explicit.models import BIASES, FACTORISATION, IMPLICIT, Effort
from emr_jobs.explicit.output import Place
from emr_jobs.explicit.recommendations import NoListsError
from emr_jobs.judging.card import CardUnreadableError, load
from emr_jobs.lake import tables
from infra.lists import versions
from infra.stack import Stack
from infra.study_files import fetch
from tests.publisher import publisher

QUICK = Effort(
    bias_sweeps=4,
    sweeps=6,
    rank=4,
    implicit_sweeps=4,
    implicit_rank=8,
    mllib_grid=(mllib.Choice(4, 0.1),),
)
HEAD = "userId,movieId,rating,timestamp\n"
ITEMS = "movieId,title,genres\n" + "".join(f'{n},"Film, {n}",Drama|War\n' for n in range(1, 41))


@pytest.fixture
def lake(spark):
    """Tables of no earlier study."""
    spark.sql(f"CREATE NAMESPACE IF NOT EXISTS {tables.CATALOG}.{tables.DATABASE}")
    yield spark
    for name in ("ratings", "items"):
        spark.sql(f"DROP TABLE IF EXISTS {tables.full_name(name)}")


def two_tastes(users=60, seed=5):
    """Odd users love odd films, even users even ones; each rates fifteen."""
    source = random.Random(seed)
    for user in range(1, users + 1):
        for item in source.sample(range(1, 41), 15):
            rating = source.choice((4.5, 5.0)) if (user + item) % 2 == 0 else source.choice((1.0, 1.5))
            yield f"{user},{item},{rating},{1_000_000_000 + 60 * user + item}\n"


def put(shop, text, name="ratings.csv"):
    raw = text if isinstance(text, bytes) else text.encode()
    shop.s3.put_object(Bucket=shop.bucket, Key=name, Body=raw)
    return Place(shop.bucket, name)


def study(spark, shop, text, items=None, run=1, **more):
    asked = Asked(put(shop, text), put(shop, items, "movies.csv") if items else None, run, effort=QUICK)
    return entry.study(spark, shop, replace(asked, folds=Folds(5, 2), top=5, **more))


def found(shop, studied, name):
    return shop.object(studied.version.study + name)


def served(shop, key):
    item = shop.dynamodb.get_item(TableName=shop.table, Key={"id": {"S": key}}).get("Item")
    return from_plain(from_dynamo(item)).lists if item else None


def test_a_study_ends_in_lists_that_are_served_and_tables_that_add_up(lake, shop, capsys, tmp_path):
    lines = list(two_tastes())
    bad = ["1,1,,5\n", ",1,3,5\n", "1,2,nine,5\n", "1,3,9.5,5\n", "1,4\n", "1,999,4,5\n", lines[0]]
    bad.append("1,6,4,99999999999999999\n")  # a time no table can hold
    with publisher(shop):
        studied = study(lake, shop, HEAD + "".join(lines + bad), ITEMS, run=7, serve=True)
    assert studied.account.lines == len(lines) + len(bad) == studied.account.kept + 8
    assert studied.account.refused == {
        "malformed": 1,
        "missing": 2,
        "no number": 2,
        "out of range": 1,
        "unknown item": 1,
        "duplicate": 1,
    }
    assert f"{len(lines) + 8:,} lines = {len(lines):,} kept + 1 malformed" in capsys.readouterr().out
    assert lake.table(tables.full_name("ratings")).count() == len(lines)
    first = lake.table(tables.full_name("items")).orderBy(F.col("item").cast("int")).first()
    assert (first.item, first.title, first.genres) == ("1", "Film, 1", ["Drama", "War"])

    rmse = {result.model: result.mean("rmse") for result in studied.results}
    assert max(rmse[FACTORISATION], rmse[models.MLLIB]) < rmse[BIASES]
    assert rmse[IMPLICIT] is None
    rows = list(csv.DictReader(io.StringIO(found(shop, studied, "recommendations.csv").decode())))
    assert len(rows) == 60 * 5
    fitting = [(int(row["user"]) + int(row["item"])) % 2 == 0 for row in rows]
    assert sum(fitting) > 0.9 * len(fitting)
    rated = {tuple(line.split(",")[:2]) for line in lines}
    assert not rated & {(row["user"], row["item"]) for row in rows}
    assert rows[0]["title"] == f"Film, {rows[0]['item']}"
    assert found(shop, studied, "study.png").startswith(b"\x89PNG")
    assert json.loads(found(shop, studied, "study.json"))["lines"]["kept"] == len(lines)

    live = publications.read(shop.dynamodb, shop.table)
    newest = datetime.fromtimestamp(max(int(line.split(",")[3]) for line in lines), UTC)
    assert live.live_version == f"{newest:%Y%m%dT%H%M%SZ}-7"
    mine = served(shop, customer_key("1"))
    assert [entry.code for entry in mine["for_you"]][:5] == [
        row["item"] for row in rows if row["user"] == "1"
    ]
    assert mine["for_you"] == mine["discover"]
    assert mine["for_you"][0].reason.startswith("b")
    assert served(shop, POPULAR_KEY)["popular"]

    assert fetch(shop.bucket, 7, tmp_path / "out") == 5
    assert (tmp_path / "out" / "recommendations.csv").read_bytes() == found(
        shop, studied, "recommendations.csv"
    )
    stack = Stack(*(shop.bucket for _ in Stack.__dataclass_fields__))
    (row,) = versions.rows(stack.bucket, history.versions(shop.s3, stack.bucket), live, [])
    assert (row.customers, row.gate, row.current) == (60, "passed", "live")
    with pytest.raises(CardUnreadableError):  # so that the next retrain takes nothing over from it
        load(shop.object(studied.version.card))


def test_without_serve_nothing_goes_live(lake, shop, monkeypatch):
    monkeypatch.setattr(crossvalidation, "MODELS", (BIASES,))
    studied = study(lake, shop, gzip.compress((HEAD + "".join(two_tastes())).encode()))
    assert publications.read(shop.dynamodb, shop.table) is None
    assert history.versions(shop.s3, shop.bucket) == []
    assert lake.table(tables.full_name("items")).where("title = item").count() == 40
    assert found(shop, studied, "ratings/part-00000-000.parquet")


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        (HEAD, NoRatingsError, "no line but its header"),
        (HEAD + "1,2,good,3\n" * 3, NoRatingsError, "of 3 lines none is a rating.*3 no number"),
        (HEAD + "1,2,8,3\n2,2,9,3\n1,3,5,3\n", NoRatingsError, "--scale 1 10"),
        (HEAD + "1,2,5,3\n", TooFewError, "1 ratings are too few"),
        ("1 2 5 3\n", FileRefusedError, "parted by a comma"),
    ],
)
def test_a_file_that_teaches_nothing_is_refused_with_what_is_wrong(lake, shop, text, error, said):
    with pytest.raises(error, match=said):
        study(lake, shop, text)


@pytest.mark.parametrize("stars", [2, 4])
def test_where_everybody_rates_the_same_all_foretell_it_and_lists_show_what_is_popular(lake, shop, stars):
    """Users 1 to 30 rated all items; item 30 was rated by all 59, item 29 by 58, and so on."""
    pairs = [(user, item) for user in range(1, 60) for item in range(1, 31) if user <= 29 + item]
    studied = study(lake, shop, HEAD + "".join(f"{user},{item},{stars},{user}\n" for user, item in pairs))
    errors = [result.mean("rmse") for result in studied.results if result.model != IMPLICIT]
    assert errors == pytest.approx([0.0] * 3, abs=1e-6)
    rows = list(csv.DictReader(io.StringIO(found(shop, studied, "recommendations.csv").decode())))
    assert {row["user"] for row in rows} == {str(user) for user in range(31, 60)}
    found_ = [result.mean("ndcg") for result in studied.results]
    if stars == 2:  # nobody liked anything
        assert (found_, studied.lists_by) == ([None] * 4, BIASES)
        assert [row["item"] for row in rows if row["user"] == "50"] == ["20", "19", "18", "17", "16"]
        assert {row["because"] for row in rows} == {""}
    else:
        assert min(found_) > 0.5


@pytest.mark.filterwarnings("ignore:unclosed running multiprocessing pool:ResourceWarning")  # pyspark's own
@pytest.mark.parametrize(
    ("lines", "folds"),
    [
        (list(two_tastes()), Folds(2, 2)),
        (["1,2,3,4\n", "1,3,4,4\n", "2,2,3,5\n"], Folds(2, 1, seed=0)),
        ([f"{pair},{pair},{1 + pair % 5},5\n" for pair in range(300)], Folds(2, 1)),  # nobody rated twice
    ],
)
def test_two_parts_leave_mllib_something_to_choose_by(lake, shop, lines, folds):
    effort = replace(QUICK, mllib_grid=(mllib.Choice(4, 0.1), mllib.Choice(4, 0.2)))
    asked = Asked(put(shop, HEAD + "".join(lines)), None, 1, folds=folds, effort=effort)
    studied = entry.study(lake, shop, asked)
    assert [len(result.scores) for result in studied.results] == [folds.judged] * 4
    assert "regParam" in studied.results[2].settings


def test_whom_the_lookup_refuses_is_not_served_and_said(lake, shop, monkeypatch, capsys):
    monkeypatch.setattr(crossvalidation, "MODELS", (BIASES,))
    names = {"1": "anna maria", "2": "_x", "3": "a/b"}
    lines = [line.split(",", 1) for line in two_tastes()]
    text = HEAD + "".join(f"{names.get(user, user)},{rest}" for user, rest in lines)
    with publisher(shop):
        studied = study(lake, shop, text, serve=True)
    assert "study: 3 users cannot be asked for, such as '_x': not served" in capsys.readouterr().out
    assert served(shop, customer_key("anna maria")) is None
    assert served(shop, customer_key("4"))
    assert json.loads(shop.object(studied.version.card))["coverage"]["customers"] == 57
    assert "anna maria" in found(shop, studied, "recommendations.csv").decode()


def test_where_everybody_rated_everything_nothing_is_put_live(lake, shop, monkeypatch):
    monkeypatch.setattr(crossvalidation, "MODELS", (BIASES,))
    lines = [f"{user},{item},{1 + (user + item) % 5},5\n" for user in range(1, 9) for item in range(1, 6)]
    with pytest.raises(NoListsError, match="nothing is served, and what is live stays"):
        study(lake, shop, HEAD + "".join(lines), serve=True)
    assert publications.read(shop.dynamodb, shop.table) is None
    assert history.versions(shop.s3, shop.bucket) == []


def test_a_pair_rated_twice_counts_as_rated_last(lake, shop):
    texts = "1::2::3::100\n1::2::4.5::200\n1::2::1::50\n2::2::3::100\n"
    file = rating_file.found(shop.s3, shop.bucket, put(shop, texts).key)
    judged = cleaning.judged(rating_file.read(lake, file), Scale(), None, timed=file.timed)
    rows = sorted((row.user, row.rating, row.reason or "") for row in judged.collect())
    assert rows == [
        ("1", 1.0, "duplicate"),
        ("1", 3.0, "duplicate"),
        ("1", 4.5, ""),
        ("2", 3.0, ""),
    ]


def test_a_time_may_be_written_out_and_may_be_missing_altogether(lake, shop):
    texts = "user,item,rating,time\n1,2,3,2001-09-09T01:46:40Z\n1,3,3,1000000000\n1,4,3,\n1,5,3,soon\n"
    file = rating_file.found(shop.s3, shop.bucket, put(shop, texts).key)
    judged = cleaning.judged(rating_file.read(lake, file), Scale(), None, timed=file.timed)
    seconds = judged.select("item", F.unix_seconds("time").alias("time"), "reason").collect()
    assert sorted((row.item, row.time, row.reason) for row in seconds) == [
        ("2", 1_000_000_000, None),
        ("3", 1_000_000_000, None),
        ("4", 0, "missing"),
        ("5", None, "no number"),
    ]


def test_pieces_of_a_file_are_read_by_many_tasks_as_one(lake, shop, monkeypatch):
    lines = list(two_tastes())
    file = rating_file.found(shop.s3, shop.bucket, put(shop, HEAD + "".join(lines)).key)
    monkeypatch.setattr(rating_file, "PIECE_BYTES", 997)
    assert len(file.pieces()) > 10
    rows = rating_file.read(lake, file).collect()
    assert sorted(f"{','.join(row)}\n" for row in rows) == sorted(lines)


def test_many_tasks_learn_what_one_learns(lake, shop, monkeypatch):
    """The two ways of training, and of blocks cut small, give the same model."""
    file = rating_file.found(shop.s3, shop.bucket, put(shop, HEAD + "".join(two_tastes())).key)
    table = cleaning.judged(rating_file.read(lake, file), Scale(), None, timed=True).drop("reason").cache()
    rows = {}
    for few, size in ((4_000_000, 1 << 18), (0, 100)):
        monkeypatch.setattr(blocks, "FEW_RATINGS", few)
        monkeypatch.setattr(blocks, "BLOCK_RATINGS", size)
        dealt = blocks.ratings(lake, table, Folds(5, 1))
        assert (len(dealt.users.bounds) > 5) is (few == 0)
        workshop = models.Workshop(lake, dealt, Scale(), QUICK)
        rows[few] = [
            workshop.train(model, (0, NOTHING), lambda _text: None) for model in (FACTORISATION, IMPLICIT)
        ]
        score = scoring.judge(lake, dealt, workshop.popularity, {0: rows[few][0][0]}, Scale())
        rows[few].append(score)
        dealt.forget()
    table.unpersist()
    for one, many in zip(rows[4_000_000][:2], rows[0][:2], strict=True):
        for fold in (0, NOTHING):
            assert one[fold].users == pytest.approx(many[fold].users, abs=2e-3)
    one, many = rows[4_000_000][2][0], rows[0][2][0]
    assert one.rmse == pytest.approx(many.rmse, abs=1e-3)
    assert (one.coverage, one.novelty) == pytest.approx((many.coverage, many.novelty), rel=0.02)
    assert 0 < one.coverage <= 1
    assert 0 < one.novelty < np.log2(60)


def test_items_that_cannot_be_read_are_said(shop):
    with pytest.raises(FileRefusedError, match=r"none\.csv cannot be read"):
        item_file.found(shop.s3, shop.bucket, "none.csv")
