"""The delivery endpoint's bad days: each by the switch, from a seed, and only as long as it is on."""

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from firehose.delivery.embedded import Embedded, endpoint
from firehose.delivery.faults import FaultsError, Rates
from tests.delivery_calls import code_of, put


@pytest.fixture(autouse=True)
def _calm_afterwards(delivery: Embedded) -> Iterator[None]:
    yield
    delivery.faults.turn(Rates())


def test_partial_failures_name_the_records_that_were_not_taken(
    delivery: Embedded, delivery_client: Any
) -> None:
    delivery.make("partial")
    delivery.faults.turn(Rates(partial=0.5, seed=4))
    records = [b"%d\n" % number for number in range(100)]
    answer = put(delivery_client, *records, stream="partial")
    failed = [place for place, entry in enumerate(answer["RequestResponses"]) if "ErrorCode" in entry]
    assert 20 < len(failed) < 80
    assert answer["FailedPutCount"] == len(failed)
    assert answer["RequestResponses"][failed[0]]["ErrorCode"] == "ServiceUnavailableException"
    kept = {line + b"\n" for line in delivery.lines("partial")}
    assert kept == {record for place, record in enumerate(records) if place not in failed}


@pytest.mark.parametrize(
    ("rates", "code"),
    [(Rates(throttle=1), "ServiceUnavailableException"), (Rates(error=1), "InternalFailure")],
)
def test_whole_calls_fail(delivery: Embedded, delivery_client: Any, rates: Rates, code: str) -> None:
    delivery.faults.turn(rates)
    with pytest.raises(ClientError) as error:
        put(delivery_client, b"x")
    assert code_of(error) == code


def test_half_of_the_puts_without_an_answer_were_taken(delivery: Embedded, delivery_client: Any) -> None:
    delivery.make("silent")
    delivery.faults.turn(Rates(timeout=1, seed=5))
    for number in range(20):
        with pytest.raises((ConnectionClosedError, ReadTimeoutError)):
            put(delivery_client, b"%d\n" % number, stream="silent")
    assert 3 < len(delivery.lines("silent")) < 17


def test_the_switch_is_turned_over_http(delivery: Embedded, delivery_client: Any) -> None:
    url = f"{delivery.url}/_delivery/faults"
    request = urllib.request.Request(url, data=b'{"throttle": 1}', method="PUT")
    with urllib.request.urlopen(request, timeout=5) as answer:
        assert json.load(answer)["throttle"] == 1
    with pytest.raises(ClientError, match="Slow down"):
        put(delivery_client, b"x")


@pytest.mark.parametrize("plain", [{"slow": 1}, {"partial": 2}, {"error": "x"}, {"timeout": -1}])
def test_rates_that_are_none_are_refused(plain: dict[str, object]) -> None:
    with pytest.raises(FaultsError):
        Rates.parse(plain)


def test_the_same_seed_gives_the_same_faults(tmp_path: Path) -> None:
    with endpoint(tmp_path / "a", rates=Rates(error=0.5, seed=9)) as one:
        first = [one.faults.for_put() for _ in range(20)]
    with endpoint(tmp_path / "b", rates=Rates(error=0.5, seed=9)) as other:
        assert [other.faults.for_put() for _ in range(20)] == first
