"""The EMR clusters of a stack: found by their name, and ended."""

import time
from collections.abc import Callable

from infra import console
from infra.clients import client
from infra.problem import ProblemError

KINDS = ("retrain", "study")  # what clusters are for; their names are STACK-KIND-NUMBER
_LIVING = ["STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING", "TERMINATING"]
POLL_S = 0.5
PATIENCE_S = 900  # a cluster ends within a minute or two
Say = Callable[[str], None]


def living(stack: str) -> list[str]:
    """Those that still cost, named as infra/emr_retrain.json and infra/study.py name them."""
    ours = tuple(f"{stack}-{kind}-" for kind in KINDS)
    pages = client("emr").get_paginator("list_clusters").paginate(ClusterStates=_LIVING)
    found = (cluster for page in pages for cluster in page["Clusters"])
    return [cluster["Id"] for cluster in found if cluster["Name"].startswith(ours)]


def end(stack: str, say: Say) -> None:
    """All of them, and wait: what a step is committing it commits, or the next run ends it."""
    found = living(stack)
    if not found:
        return
    say(f"ending cluster {', '.join(found)}")
    client("emr").terminate_job_flows(JobFlowIds=found)
    deadline = time.monotonic() + PATIENCE_S
    with console.waiting("the cluster ends"):
        while left := living(stack):
            if time.monotonic() > deadline:
                raise ProblemError(
                    f"cluster {', '.join(left)} has not ended within {PATIENCE_S // 60} minutes. "
                    "It may be protected: look at it in EMR, then run `cadabra destroy` again"
                )
            time.sleep(POLL_S)
