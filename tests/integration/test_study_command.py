"""`cadabra study` on the real S3: what it copies, fetches and clears away, what it says when it is ended."""

from dataclasses import fields
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError

from contracts import publications
from contracts.s3_layout import EMR_REQUEST
from infra import clients, study, study_files
from infra.problem import ProblemError
from infra.run import RunFailedError
from infra.stack import Stack
from infra.study import Wish
from tests.unit.test_architecture import PROJECT

NEWEST = "20170503T090000Z"  # the time of the newest rating
RUN = 1_795_274_406
DAY = 86_400


@pytest.fixture
def stack(shop):
    """Its bucket holds the EMR request, too."""
    clients.forget()
    text = (PROJECT / "infra" / "emr_retrain.json").read_text().replace("$${", "${")
    shop.s3.put_object(Bucket=shop.bucket, Key=EMR_REQUEST, Body=text.encode())
    names = {field.name: "" for field in fields(Stack)}
    yield Stack(**names | {"bucket": shop.bucket, "artifacts": shop.bucket, "table": shop.table})
    clients.forget()


@pytest.fixture
def sent(monkeypatch):
    """What EMR was asked for; it answers with a cluster."""
    asked = []

    class Emr:
        def run_job_flow(self, **request):
            asked.append(request)
            return {"JobFlowId": "j-7"}

    monkeypatch.setattr(study, "client", lambda name: Emr() if name == "emr" else boto3.client(name))
    monkeypatch.setattr(study.time, "time", lambda: float(RUN))
    return asked


@pytest.fixture
def ends(monkeypatch, shop):
    """How the study's step ends: what it has written by then, and what following it raises."""

    def end(*written, error=None):
        def follow(*_):
            for name in written:
                shop.s3.put_object(Bucket=shop.bucket, Key=f"studies/{NEWEST}-{RUN}/{name}", Body=b"found")
            if error:
                raise error

        monkeypatch.setattr(study, "follow", follow)

    return end


@pytest.fixture
def wish(tmp_path):
    """Ratings and items by the same name, in two folders."""
    for folder in "ab":
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "data.csv").write_text(f"{folder}\n")
    ratings, items = (str(tmp_path / folder / "data.csv") for folder in "ab")
    return Wish(ratings, items, tmp_path / "out", (), serve=False)


def keys(shop):
    return sorted(found["Key"] for found in shop.listed("studies/"))


def test_each_file_has_a_key_of_its_own_and_comes_as_it_is(shop, stack, wish, sent):
    study._started(stack, RUN, wish)
    assert {key: shop.object(key) for key in keys(shop)} == {
        f"studies/raw/{RUN}/ratings/data.csv": b"a\n",
        f"studies/raw/{RUN}/items/data.csv": b"b\n",
    }
    arguments = sent[0]["Steps"][0]["HadoopJarStep"]["Args"]
    for kind in ("ratings", "items"):
        place = f"s3://{shop.bucket}/studies/raw/{RUN}/{kind}/data.csv"
        assert arguments[arguments.index(f"--{kind}") + 1] == place


def test_a_file_of_another_bucket_is_copied(shop):
    shop.s3.put_object(Bucket=shop.bucket, Key="theirs/r.csv", Body=b"1,2,3\n")
    study_files.copy_raw(shop.bucket, RUN, "ratings", f"s3://{shop.bucket}/theirs/r.csv")
    assert shop.object(f"studies/raw/{RUN}/ratings/r.csv") == b"1,2,3\n"


def test_what_it_found_is_fetched_and_the_copies_go(shop, stack, wish, sent, ends):
    said = []
    ends("ratings/part-0.parquet", "study.txt", "study.json")
    study.study(stack, wish, said.append)
    assert sorted(path.name for path in wish.out.iterdir()) == ["study.json", "study.txt"]
    assert said == [f"study {RUN}: cluster j-7 started", f"2 files in {wish.out}/"]
    assert not [key for key in keys(shop) if key.startswith("studies/raw/")]
    assert len(sent) == 1


def test_of_a_study_that_failed_half_a_folder_stays_no_more_than_its_copies(shop, stack, wish, sent, ends):
    ends("ratings/part-0.parquet", error=RunFailedError("step study failed"))
    with pytest.raises(RunFailedError):
        study.study(stack, wish, print)
    assert keys(shop) == []
    assert sent


def test_of_a_study_that_only_could_not_go_live_the_rest_stays_and_is_named(shop, stack, wish, sent, ends):
    said = []
    ends("study.txt", "study.json", error=RunFailedError("step study failed"))
    with pytest.raises(RunFailedError):
        study.study(stack, wish, said.append)
    assert keys(shop) == [f"studies/{NEWEST}-{RUN}/study.json", f"studies/{NEWEST}-{RUN}/study.txt"]
    assert f"`cadabra study --fetch {RUN} --out {wish.out}`" in said[-1]
    assert sent


@pytest.mark.parametrize(("serve", "told"), [(False, "puts nothing live"), (True, "WILL put its lists live")])
@pytest.mark.parametrize("ended_by", [KeyboardInterrupt(), ConnectionError("gone")])
def test_a_command_that_is_ended_says_what_goes_on_and_leaves_the_step_its_files(
    shop, stack, wish, sent, ends, serve, told, ended_by
):
    said = []
    ends(error=ended_by)
    asked = Wish(wish.ratings, wish.items, wish.out, (), serve)
    with pytest.raises(type(ended_by)):
        study.study(stack, asked, said.append)
    assert f"study {RUN} goes on, on cluster j-7, and {told}" in said[-1]
    assert f"s3://{shop.bucket}/studies/<time of the newest rating>-{RUN}/" in said[-1]
    assert f"`cadabra study --fetch {RUN} --out {wish.out}`" in said[-1]
    assert len(keys(shop)) == 2
    assert sent


def test_a_command_that_is_ended_before_its_cluster_leaves_nothing(shop, stack, wish, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(study, "request", interrupted)
    with pytest.raises(KeyboardInterrupt):
        study.study(stack, wish, print)
    assert keys(shop) == []


def test_what_killed_commands_left_goes_with_a_later_study(shop):
    now = RUN + 2 * DAY
    left = [f"studies/raw/{RUN}/ratings/r.csv", f"studies/{NEWEST}-{RUN}/ratings/part-0.parquet"]
    stays = [
        *(f"studies/raw/{run}/ratings/r.csv" for run in (now - DAY + 1, now)),
        "studies/raw/mine/r.csv",
        f"studies/{NEWEST}-{RUN + 1}/study.json",
        f"studies/{NEWEST}-{now}/ratings/part-0.parquet",
        f"studies/mine-{RUN}/r.csv",
    ]
    for key in (*left, *stays):
        shop.s3.put_object(Bucket=shop.bucket, Key=key, Body=b"")
    study_files.sweep(shop.bucket, now)
    assert keys(shop) == sorted(stays)


def test_a_finished_study_is_fetched_later_and_an_unfinished_one_is_said(shop, stack, tmp_path):
    folder = f"studies/{NEWEST}-{RUN}/"
    shop.s3.put_object(Bucket=shop.bucket, Key=f"studies/raw/{RUN}/ratings/r.csv", Body=b"")
    shop.s3.put_object(Bucket=shop.bucket, Key=folder + "study.txt", Body=b"")
    for run in (RUN, RUN + 1):
        with pytest.raises(ProblemError, match=f"no finished study {run}: it goes on, or it failed"):
            study.fetch(stack, run, tmp_path / "none", print)
    assert not (tmp_path / "none").exists()
    shop.s3.put_object(Bucket=shop.bucket, Key=folder + "study.json", Body=b"")
    study.fetch(stack, RUN, tmp_path / "out", print)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["study.json", "study.txt"]
    assert keys(shop) == [folder + "study.json", folder + "study.txt"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("nothing.csv", r"there is no file nothing\.csv"),
        ("s3://mine", "s3://mine names no file: give s3://BUCKET/KEY"),
        ("s3://mine/folder/", "names no file"),
        ("s3://no-such-bucket/x.csv", r"there is no s3://no-such-bucket/x\.csv: `aws s3 ls"),
        ("s3://{bucket}/none.csv", r"there is no s3://.*none\.csv: `aws s3 ls s3://"),
        ("s3://what a name/x.csv", "is no place in S3: give s3://BUCKET/KEY"),
    ],
)
def test_a_file_that_is_not_there_is_named_before_anything_is_copied(
    shop, stack, wish, given, said, monkeypatch
):
    monkeypatch.setattr(study_files, "copy_raw", None)
    given = given.replace("{bucket}", shop.bucket)
    for asked in (Wish(given, None, Path(), (), False), Wish(wish.ratings, given, Path(), (), False)):
        with pytest.raises(ProblemError, match=said):
            study.study(stack, asked, print)


def test_a_file_that_may_not_be_read_is_told_from_one_that_is_not_there(monkeypatch):
    class Guarded:
        def head_object(self, **_):
            raise ClientError({"Error": {"Code": "403", "Message": "Forbidden"}}, "HeadObject")

    monkeypatch.setattr(study_files, "client", lambda _name: Guarded())
    with pytest.raises(ProblemError, match=r"s3://theirs/r\.csv may not be read.*need s3:GetObject"):
        study_files.check("s3://theirs/r.csv")


def test_a_way_back_is_named_only_where_something_is_live(shop, stack):
    assert study._live(stack) == "nothing: no lists are live"
    publications.restore(shop.dynamodb, shop.table, 3, 3, f"{NEWEST}-5")
    assert study._live(stack) == f"{NEWEST}-5, which is live; `cadabra rollback` leads back"
