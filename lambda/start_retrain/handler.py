"""The hourly start: takes the run lease and sends the EMR request. The rule and `cadabra retrain` call it.

A second start while a run is active does nothing and says so; a run that ended without giving its lease back,
or is past its deadline, is cleared away first.
"""

import functools
import os
import sys
import time
from typing import Any

import botocore.session
from botocore.config import Config

from start_retrain.run import Clients, Settings, start


def handle(event: dict[str, Any], _context: object = None) -> dict[str, Any]:
    answer = start(_clients(), _settings(), event, int(time.time()))
    print(answer["message"], file=sys.stderr, flush=True)
    return answer


@functools.cache
def _clients() -> Clients:
    create = botocore.session.get_session().create_client
    # RunJobFlow knows no token: sent twice, it starts two clusters under one lease. So it is sent once.
    once = Config(retries={"total_max_attempts": 1})
    return Clients(create("dynamodb"), create("emr", config=once), create("s3"))


@functools.cache
def _settings() -> Settings:
    return Settings(
        table=os.environ["TABLE"],
        artifacts=os.environ["ARTIFACTS"],
        run_seconds=int(os.environ["RUN_SECONDS"]),
    )
