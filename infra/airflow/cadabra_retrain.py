"""The hourly retrain for teams that live in Airflow: a cluster, its steps, the end of the cluster, a notice.

start_retrain makes the cluster, as it does for the stack's own rule: it takes the run lease and sends the EMR
request, here without its steps. So the rule, `cadabra retrain` and this DAG never run at once, and Airflow's
connection needs no more than docs/operations.md, Airflow, says. The steps are those of emr_retrain.json.
"""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from airflow.providers.amazon.aws.hooks.lambda_function import LambdaHook
from airflow.providers.amazon.aws.operators.emr import EmrAddStepsOperator, EmrTerminateJobFlowOperator
from airflow.providers.amazon.aws.operators.sns import SnsPublishOperator
from airflow.providers.amazon.aws.sensors.emr import EmrStepSensor
from airflow.sdk import chain, dag, task
from airflow.sdk.exceptions import AirflowException, AirflowSkipException
from botocore.config import Config

REQUEST = Path(__file__).resolve().parents[1] / "emr_retrain.json"
STEPS = [step["Name"] for step in json.loads(REQUEST.read_text())["Steps"]]
RUN_MOST = timedelta(hours=1)  # the lease ends sooner; its run may then commit nothing more
# An overdue run's cluster takes minutes to end; and what is sent twice starts two clusters.
PATIENT_ONCE = Config(read_timeout=320, retries={"total_max_attempts": 1})
START_RETRAIN = "{{ var.value.get('cadabra_start_retrain', 'cadabra-start-retrain') }}"
NOTICES = "{{ var.value.cadabra_notices }}"  # the ARN of a topic: the team's, or the stack's output Notices
RUN = "{{ dag.dag_id }}, {{ run_id }}"
FAILURE = (
    f"{RUN} has FAILED. The lists that are live stay as they are, no order line is lost, and the next hour "
    "tries again. Its tasks' logs in Airflow say why. What to do: docs/operations.md, A failed run."
)


@task(multiple_outputs=True, task_id="create_cluster")
def create_cluster(function: str) -> dict[str, Any]:
    """The cluster's name, and each step by its own; skipped with all the rest while another run is active."""
    hook = LambdaHook(config=PATIENT_ONCE)
    answer = hook.invoke_lambda(function_name=function, payload=json.dumps({"stay": True}))
    said = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise AirflowException(f"{function} failed: {said.get('errorMessage', said)}")
    if not said["started"]:
        raise AirflowSkipException(said["message"])
    return {"cluster": said["cluster"], **said["steps"]}


@dag(
    schedule="20 * * * *",  # as the stack's rule: Firehose has delivered the hour by then
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,  # a run takes all orders that are there; a missed hour needs no run of its own
    max_active_runs=1,
    default_args={"retries": 0},  # what is sent twice runs twice; botocore asks again where that is safe
    tags=["cadabra"],
    doc_md=__doc__,
)
def cadabra_retrain() -> None:
    created = create_cluster(START_RETRAIN)
    cluster = created["cluster"]
    made = created.operator
    tasks = []
    for step in STEPS:
        send = EmrAddStepsOperator(task_id=step, job_flow_id=cluster, steps=[created[step]])
        wait = EmrStepSensor(
            task_id=f"wait_for_{step}",
            job_flow_id=cluster,
            step_id=f"{{{{ ti.xcom_pull(task_ids='{step}')[0] }}}}",
            mode="reschedule",  # it holds no worker while it waits
            poke_interval=30,
            timeout=RUN_MOST.total_seconds(),
        )
        tasks += [send, wait]
    end_cluster = EmrTerminateJobFlowOperator(task_id="end_cluster", job_flow_id=cluster, retries=3)
    # A teardown: it runs whatever became of the steps, unless there was no cluster to begin with.
    end_cluster.as_teardown(setups=made, on_failure_fail_dagrun=True)
    tell_success = SnsPublishOperator(
        task_id="tell_success", target_arn=NOTICES, message=f"{RUN}: a retrain has ended well."
    )
    tell_failure = SnsPublishOperator(
        task_id="tell_failure", target_arn=NOTICES, message=FAILURE, trigger_rule="one_failed"
    )
    chain(made, *tasks, end_cluster)
    [tasks[-1], end_cluster] >> tell_success
    [*tasks, end_cluster] >> tell_failure


cadabra_retrain()
