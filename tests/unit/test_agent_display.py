"""The status line tells of the present."""

import threading

from firehose.agent.display import RATE_SECONDS, Rate
from firehose.agent.shipping import Circuit


def test_lines_a_second_are_those_of_late() -> None:
    rate = Rate()
    start = rate._seen[0][0]
    for second in range(1, 101):
        assert round(rate.of(second * 500, start + second)) == 500
    for second in range(101, 101 + int(RATE_SECONDS)):
        slowing = rate.of(50_000, start + second)
    assert slowing == 0


def test_calls_that_were_under_way_put_the_next_probe_no_further_off() -> None:
    """Four senders meet a missing stream at once: that is one observation, not four."""
    circuit = Circuit()
    assert circuit.open("missing")
    first = circuit._next_probe
    assert not any(circuit.open("missing") for _ in range(3))
    assert circuit._next_probe == first


def test_each_probe_that_fails_puts_the_next_one_further_off() -> None:
    circuit, waits = Circuit(), []
    circuit.open("missing")
    for _ in range(8):
        circuit._next_probe = 0.0
        circuit.pass_through(threading.Event())
        before = circuit._next_probe
        circuit.open("missing")
        waits.append(circuit._next_probe - before)
    assert waits[:3] == sorted(waits[:3])
    assert waits[-1] > waits[0]
