"""A Spark of `cadabra sql` and `cadabra report` leaves nothing in the folder it is called from."""

import os
import shlex

from infra.lake import local_spark


def test_what_spark_writes_by_itself_lies_in_its_work_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "environ", dict(os.environ))
    local_spark._prepare([], tmp_path)
    arguments = shlex.split(os.environ["PYSPARK_SUBMIT_ARGS"])
    assert f"spark.sql.warehouse.dir={tmp_path}/warehouse" in arguments
