"""What an EMR step's spark-submit becomes on one machine."""

from pathlib import Path

import pytest

from infra.local.spark_submit import Fetch, Machine, StepRefusedError, Submission, translate

WORK = Path("/work")
LAPTOP = Machine(cores=2, memory_mib=16 * 1024)


def submission(*arguments, configurations=(), machine=LAPTOP, iceberg_conf=None) -> Submission:
    return translate(
        ["spark-submit", *arguments],
        configurations,
        work=WORK,
        machine=machine,
        iceberg_conf=iceberg_conf or {"spark.driver.extraClassPath": "/jars/iceberg.jar"},
    )


def conf(found: Submission) -> dict[str, str]:
    pairs = zip(found.arguments, found.arguments[1:], strict=False)
    return dict(value.split("=", 1) for option, value in pairs if option == "--conf")


def test_the_request_we_send_becomes_a_local_client_run():
    """The script and the zip are fetched, YARN's options go, the script's own arguments stay as they are."""
    found = submission(
        "--deploy-mode", "cluster", "--master=yarn", "--num-executors", "4",
        "--py-files", "s3://b/code/emr_jobs.zip",
        "s3://b/code/ingest.py", "--bucket", "b", "--master", "of the script",
    )  # fmt: skip
    assert found.arguments[:2] == ("--master", "local[2]")
    assert found.arguments[-7:] == (
        "--py-files", "/work/emr_jobs.zip", "/work/ingest.py", "--bucket", "b", "--master", "of the script",
    )  # fmt: skip
    assert found.fetches == (
        Fetch("s3://b/code/emr_jobs.zip", Path("/work/emr_jobs.zip")),
        Fetch("s3://b/code/ingest.py", Path("/work/ingest.py")),
    )
    assert "--deploy-mode" not in found.arguments
    assert found.notes == (
        "--deploy-mode cluster is for a cluster: left out",
        "--master yarn is for a cluster: left out",
        "--num-executors 4 is for a cluster: left out",
    )


def test_the_step_s_own_settings_win_over_the_cluster_s():
    cluster = {"Classification": "spark-defaults", "Properties": {"spark.x": "cluster", "spark.y": "cluster"}}
    found = conf(submission("--conf", "spark.x=step=1", "a.py", configurations=[cluster]))
    assert found["spark.x"] == "step=1"
    assert found["spark.y"] == "cluster"


def test_our_own_defaults_give_way_to_the_request_s():
    assert conf(submission("a.py"))["spark.sql.shuffle.partitions"] == "2"
    found = conf(submission("--conf", "spark.sql.shuffle.partitions=64", "a.py"))
    assert found["spark.sql.shuffle.partitions"] == "64"


@pytest.mark.parametrize(
    ("asked", "memory_mib", "given"),
    [
        (("--driver-memory", "8g"), 16 * 1024, "2048m"),
        (("--conf", "spark.driver.memory=8g"), 4 * 1024, "1024m"),
        (("--driver-memory", "700m"), 16 * 1024, "700m"),
        (("--driver-memory=3GB",), 64 * 1024, "2048m"),
        ((), 16 * 1024, "1024m"),
    ],
)
def test_the_driver_s_memory_fits_the_machine(asked, memory_mib, given):
    """A quarter of the memory, 2 GiB at the most, and never more than was asked for."""
    found = submission(*asked, "a.py", machine=Machine(2, memory_mib))
    assert conf(found)["spark.driver.memory"] == given


def test_a_smaller_driver_than_asked_for_is_said():
    found = submission("--driver-memory", "8g", "a.py")
    assert found.notes == ("spark.driver.memory: 8192 MiB asked for, 2048 given to fit this machine",)


def test_iceberg_comes_only_where_the_request_says_so():
    enabled = {"Classification": "iceberg-defaults", "Properties": {"iceberg.enabled": "true"}}
    disabled = {"Classification": "iceberg-defaults", "Properties": {"iceberg.enabled": "false"}}
    assert (
        conf(submission("a.py", configurations=[enabled]))["spark.driver.extraClassPath"]
        == "/jars/iceberg.jar"
    )
    assert "spark.driver.extraClassPath" not in conf(submission("a.py", configurations=[disabled]))
    assert "spark.driver.extraClassPath" not in conf(submission("a.py"))


def test_emr_s_own_iceberg_jar_is_replaced_by_ours():
    """A request for the real EMR names the jar there; other jars stay."""
    jars = "/usr/share/aws/iceberg/lib/iceberg-spark3-runtime.jar,s3://b/more.jar"
    configurations = [
        {"Classification": "iceberg-defaults", "Properties": {"iceberg.enabled": "true"}},
        {"Classification": "spark-defaults", "Properties": {"spark.jars": jars}},
    ]
    found = submission(
        "a.py", configurations=configurations, iceberg_conf={"spark.jars": "/jars/iceberg.jar"}
    )
    assert conf(found)["spark.jars"] == "/work/more.jar,/jars/iceberg.jar"
    assert found.fetches == (Fetch("s3://b/more.jar", Path("/work/more.jar")),)


def test_an_archive_becomes_the_folder_of_its_alias():
    found = submission("--archives", "s3://b/env.tar.gz#environment,s3://b/words.zip", "a.py")
    assert found.fetches == (
        Fetch("s3://b/env.tar.gz", Path("/work/env.tar.gz"), "environment"),
        Fetch("s3://b/words.zip", Path("/work/words.zip"), "words.zip"),
    )
    assert "--archives" not in found.arguments


def test_exported_variables_reach_the_step():
    exports = {
        "Classification": "spark-env",
        "Configurations": [{"Classification": "export", "Properties": {"SHOP": "cadabra"}}],
    }
    found = submission("--conf", "spark.yarn.appMasterEnv.ZONE=UTC", "a.py", configurations=[exports])
    assert found.environment == {"SHOP": "cadabra", "ZONE": "UTC"}


def test_a_configuration_without_meaning_here_is_said():
    found = submission("a.py", configurations=[{"Classification": "yarn-site", "Properties": {"a": "b"}}])
    assert found.notes == ("configuration yarn-site has no meaning on one machine: left out",)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["hadoop-streaming"], "runs spark-submit only; this step's first argument is hadoop-streaming"),
        ([], "this step's first argument is nothing"),
        (["spark-submit", "--deploy-mode", "client"], "no application"),
        (["spark-submit", "--py-files"], "--py-files has no value"),
        (["spark-submit", "--conf", "spark.x", "a.py"], "a setting is KEY=VALUE"),
        (["spark-submit", "--driver-memory", "much", "a.py"], "'much' is no size"),
    ],
)
def test_what_cannot_run_is_refused_with_its_reason(arguments, message):
    with pytest.raises(StepRefusedError, match=message):
        translate(arguments, [], work=WORK, machine=LAPTOP, iceberg_conf={})
