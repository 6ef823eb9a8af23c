"""The hourly start: takes the run lease and sends the EMR request. The rule and `cadabra retrain` call it.

A second start while a run is active does nothing and says so; a run that ended without giving its lease back,
or is past its deadline, is cleared away first. What came of it is one line of JSON in the log: its `outcome`
is started, refused or failed, its `message` is for a person.
"""

import functools
import json
import os
import sys
import time
from typing import Any

import botocore.session
from botocore.config import Config

from start_retrain import age
from start_retrain.run import Clients, Settings, start


def handle(event: dict[str, Any], _context: object = None) -> dict[str, Any]:
    now = int(time.time())
    # First: the lists' age matters most while no run can start.
    _say(age.tell(_clients().dynamodb, _cloudwatch(), _settings().table, os.environ["METRICS"], now))
    try:
        answer = start(_clients(), _settings(), event)
    except Exception as error:
        _tell("failed", message=f"no run was started: {error}. The next hour tries again")
        raise
    outcome = "started" if answer["started"] else "refused"
    _tell(outcome, **{key: answer[key] for key in ("message", "run", "cluster")})
    return answer


def _tell(outcome: str, **found: Any) -> None:
    _say(json.dumps({"outcome": outcome, **found}))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@functools.cache
def _clients() -> Clients:
    create = botocore.session.get_session().create_client
    # RunJobFlow knows no token: sent twice, it starts two clusters under one lease. So it is sent once.
    once = Config(retries={"total_max_attempts": 1})
    return Clients(create("dynamodb"), create("emr", config=once), create("s3"))


@functools.cache
def _cloudwatch() -> Any:
    return botocore.session.get_session().create_client("cloudwatch")


@functools.cache
def _settings() -> Settings:
    return Settings(
        table=os.environ["TABLE"],
        artifacts=os.environ["ARTIFACTS"],
        run_seconds=int(os.environ["RUN_SECONDS"]),
    )
