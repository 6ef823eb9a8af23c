"""An erasure killed between any two of its steps ends right when it is run again."""

import itertools
import json
from collections import Counter
from contextlib import suppress

import pytest

from contracts.order_line import Fate
from tests.byte_search import holding
from tests.erasures import ANNA, account, ask, carry_out, fill, opened, take_in
from tests.landed_lines import KilledError, killed_at


@pytest.fixture
def lake(spark, empty_lake):
    with opened(spark, empty_lake) as made:
        yield made


def test_killed_between_any_two_steps_it_ends_right_when_run_again(lake, source):
    fill(lake, source)
    take_in(lake)
    before = account(lake, source)
    ask(lake, ANNA)
    for allowed in itertools.count():
        with suppress(KilledError):
            (key,) = carry_out(lake, killed_at(allowed + 1))
            break
    assert allowed > 10, "it was killed so often"
    assert holding(lake, ANNA) == set()
    after = account(lake, source)
    assert (before.landed, before.written, before.agrees) == (after.landed, after.written, after.agrees)
    assert Counter(after.fates) - Counter(before.fates) == {Fate.ERASED: 4}
    receipt = json.loads(lake.shop.s3.get_object(Bucket=lake.shop.bucket, Key=key)["Body"].read())
    assert receipt["removed"]["raw_lines"] == 5
    assert receipt["removed"]["orders"] == 3
