"""What fault tests share: a way to the local AWS on which things go wrong, and what is killed on it."""

import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.faults import agent_lab, delivery_process
from tests.faults.agent_lab import Lab
from tests.faults.aws_way import Handler, Way
from tests.faults.delivery_process import Delivery
from tests.faults.ingest_runs import Runs, Till, new_till


@pytest.fixture
def way(local_aws: Any) -> Iterator[Way]:
    made = Way(local_aws.endpoint)
    handler = type("Handler", (Handler,), {"way": made})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        made.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield made
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def till(local_aws: Any) -> Till:
    return new_till(local_aws.lake_bucket)


@pytest.fixture
def runs(till: Till, place: str, tmp_path: Path) -> Iterator[Runs]:
    made = Runs(till, place, tmp_path)
    yield made
    made.end()


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with agent_lab.opened(tmp_path) as made:
        yield made


@pytest.fixture
def delivery(place: str, tmp_path: Path) -> Iterator[Delivery]:
    with delivery_process.ready(tmp_path / "delivery", place) as made:
        yield made
