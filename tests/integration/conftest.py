"""What integration tests share: the session's lake, and a source of order lines for one test alone."""

import itertools

import boto3
import pytest

from emr_jobs.lake import tables

_sources = itertools.count(1)


@pytest.fixture
def source():
    """A source of its own for each test: the tables are shared."""
    return f"shop{next(_sources)}"


@pytest.fixture(scope="module")
def lake(spark, local_aws):
    """The bucket of the session's lake, whose tables are there."""
    _make_tables(spark)
    return local_aws.lake_bucket


@pytest.fixture(scope="module")
def empty_lake(spark, local_aws):
    """The same without what other files' tests have left in it, which each erasure would search again."""
    _make_tables(spark)
    for table in tables.TABLES:
        spark.sql(f"DROP TABLE {tables.full_name(table)}")
    boto3.resource("s3").Bucket(local_aws.lake_bucket).objects.delete()
    _make_tables(spark)
    return local_aws.lake_bucket


def _make_tables(spark):
    spark.sql(f"CREATE NAMESPACE IF NOT EXISTS {tables.CATALOG}.{tables.DATABASE}")
    for table in tables.TABLES:
        spark.sql(tables.create_statement(table))
