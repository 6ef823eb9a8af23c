"""Why a step failed, read off what it printed."""

from infra.local.emr_failure import TAIL_BYTES, cause, tail

SPARK = """\
WARNING: Using incubator modules: jdk.incubator.vector
Using Spark's default log4j profile: org/apache/spark/log4j2-defaults.properties
26/11/20 12:00:00 INFO SparkContext: Running Spark version 4.1.1
26/11/20 12:00:01 INFO ShutdownHookManager: Shutdown hook called
"""


def cause_of(stdout: str, stderr: str = SPARK) -> tuple[str, str]:
    return cause(stdout.splitlines(), stderr.splitlines())


def test_the_exception_below_a_python_traceback_is_the_cause():
    """It comes out on stdout, and its message may go on for many lines."""
    stdout = """\
ingested 3 objects
Traceback (most recent call last):
  File "ingest.py", line 7, in <module>
    main()
pyspark.errors.AnalysisException: [TABLE_OR_VIEW_NOT_FOUND] no table lake.orders
'Project [*]
+- 'UnresolvedRelation
"""
    found = "pyspark.errors.AnalysisException: [TABLE_OR_VIEW_NOT_FOUND] no table lake.orders"
    assert cause_of(stdout) == (found, "stdout")


def test_of_chained_exceptions_the_last_is_the_cause():
    stdout = """\
Traceback (most recent call last):
KeyError: 'orders'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "ingest.py", line 7, in <module>
contracts.lease.LeaseLostError: run 5 no longer holds the lease
"""
    assert cause_of(stdout) == ("contracts.lease.LeaseLostError: run 5 no longer holds the lease", "stdout")


def test_a_wrapped_java_exception_is_told_too():
    stdout = """\
Traceback (most recent call last):
  File "ingest.py", line 7, in <module>
py4j.protocol.Py4JJavaError: An error occurred while calling o54.save.
: java.lang.OutOfMemoryError: Java heap space
\tat org.apache.spark.Task.run(Task.scala:1)
"""
    found = (
        "py4j.protocol.Py4JJavaError: An error occurred while calling o54.save.: java.lang.OutOfMemoryError"
    )
    assert cause_of(stdout) == (found + ": Java heap space", "stdout")


def test_the_message_of_an_orderly_exit_is_the_cause():
    assert cause_of("ingested 3 objects\nno orders in the last hour\n") == (
        "no orders in the last hour",
        "stdout",
    )


def test_the_exception_above_a_java_trace_is_the_cause():
    stderr = """\
Exception in thread "main" org.apache.spark.SparkException: no such file
\tat org.apache.spark.deploy.SparkSubmit.main(SparkSubmit.scala:1)
26/11/20 12:00:01 INFO ShutdownHookManager: Shutdown hook called
"""
    found = 'Exception in thread "main" org.apache.spark.SparkException: no such file'
    assert cause_of("", stderr) == (found, "stderr")


def test_logs_that_tell_nothing_have_no_cause():
    assert cause_of("\n") == ("", "")


def test_only_the_end_of_a_long_log_is_read(tmp_path):
    (tmp_path / "stdout").write_text("x" * TAIL_BYTES + "\nthe cause\n")
    assert tail(tmp_path / "stdout")[-1] == "the cause"
    assert sum(map(len, tail(tmp_path / "stdout"))) <= TAIL_BYTES
