"""A publication's turn beside the hourly runs: it holds their lease for as long as it takes.

Without it, a run and a study abandon each other's publication. What puts lists live outside a run calls it.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from contracts import lease
from contracts.lease import Lease, LeaseHeldError
from emr_jobs.shop import Shop

PATIENCE_SECONDS = 1_800.0  # an hourly run takes minutes; a cluster that waits costs money
AFTERWARDS_SECONDS = 120  # old versions are cleared away once a publication is live
_POLL_SECONDS = 1.0


class NoTurnError(RuntimeError):
    """Other runs held the lease all the while; the message says which held it last."""


@contextmanager
def turn(shop: Shop, lasts: float, report: Callable[[str], None], patience: float) -> Iterator[None]:
    """No run starts meanwhile; killed, it ends `lasts` seconds after it began, and some."""
    held = _taken(shop, report, time.monotonic() + patience)
    try:
        # It names no cluster: start_retrain would end the one of a lease that is overdue.
        deadline = int(time.time() + lasts) + AFTERWARDS_SECONDS
        lease.start(shop.dynamodb, shop.table, held, "", deadline)
        yield
    finally:
        lease.release(shop.dynamodb, shop.table, held.number)


def _taken(shop: Shop, report: Callable[[str], None], until: float) -> Lease:
    """Once whoever holds it has ended; told once for each that is waited for."""
    awaited = 0
    while True:
        try:
            return lease.take(shop.dynamodb, shop.table, int(time.time()))
        except LeaseHeldError as error:
            left = until - time.monotonic()
            if left <= 0:
                raise NoTurnError(f"run {error.lease.number} still holds the lease") from error
            if awaited != error.lease.number:
                awaited = error.lease.number
                report(f"waiting, {left:,.0f} s at most, until run {awaited} has ended")
            time.sleep(_POLL_SECONDS)
