"""Why a step failed, read off its stderr."""

from infra.local.emr_steps import TAIL_BYTES, last_meaningful_line, tail

PYTHON_FAILURE = """\
26/11/20 12:00:00 INFO SparkContext: Running Spark version 4.1.1
Traceback (most recent call last):
  File "ingest.py", line 7, in <module>
    main()
contracts.lease.LeaseLostError: run 5 no longer holds the lease

26/11/20 12:00:01 INFO ShutdownHookManager: Shutdown hook called
"""
JAVA_FAILURE = """\
Exception in thread "main" org.apache.spark.SparkException: no such file
\tat org.apache.spark.deploy.SparkSubmit.main(SparkSubmit.scala:1)
26/11/20 12:00:01 INFO ShutdownHookManager: Shutdown hook called
"""


def test_the_last_line_of_a_python_traceback_is_the_cause():
    found = last_meaningful_line(PYTHON_FAILURE.splitlines())
    assert found == "contracts.lease.LeaseLostError: run 5 no longer holds the lease"


def test_the_exception_above_a_java_trace_is_the_cause():
    found = last_meaningful_line(JAVA_FAILURE.splitlines())
    assert found == 'Exception in thread "main" org.apache.spark.SparkException: no such file'


def test_a_log_without_a_cause_has_none():
    assert (
        last_meaningful_line(["26/11/20 12:00:01 INFO ShutdownHookManager: Shutdown hook called", ""]) == ""
    )


def test_only_the_end_of_a_long_log_is_read(tmp_path):
    (tmp_path / "stderr").write_text("x" * TAIL_BYTES + "\nthe cause\n")
    assert tail(tmp_path / "stderr")[-1] == "the cause"
    assert sum(map(len, tail(tmp_path / "stderr"))) <= TAIL_BYTES
