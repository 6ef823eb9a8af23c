"""The simulated storefront: the world that follows from one seed, and its orders as log lines."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
import pyarrow as pa

from contracts.catalogue import format_catalogue
from contracts.order_line import Reason
from log_generator.catalogue import MAX_ITEMS, MIN_ITEMS, make_catalogue
from log_generator.customers import ALL_COUNTRIES, make_customers
from log_generator.dirt import Dirt
from log_generator.fees import FEES
from log_generator.line_format import LineFormat
from log_generator.log_lines import LogLines, number_of
from log_generator.orders import Demand, Moments

MAX_BLOCK_LINES = 16_384  # a few MB in memory, and large enough for numpy to be quick
_MIN_BLOCK_LINES = 256
_BLOCKS_AT_LEAST = 8  # so that goods come back in a short run, too

# A shop of 100,000 lines has 2,000 items and 5,600 customers, of whom 3,400 come; one of 10 million 20,000
# and 140,000.
_REFERENCE_LINES = 100_000
_REFERENCE_CUSTOMERS, _CUSTOMERS_POWER = 5_600, 0.7
_REFERENCE_ITEMS, _ITEMS_POWER = 2_000, 0.5
_MIN_CUSTOMERS, _MAX_CUSTOMERS = 50, 5_000_000


@dataclass(frozen=True, slots=True)
class World:
    """All that a shop follows from. It stands in the folder's register; a later run goes on with it."""

    seed: int
    customers: int
    items: int
    opened: int  # epoch seconds
    span: int  # seconds over which newcomers come, items appear and sell out

    @classmethod
    def sized(cls, seed: int, lines: int, opened: int, span: int) -> "World":
        """With as many customers and items as `lines` order lines can tell apart."""
        scale = lines / _REFERENCE_LINES
        customers = int(_REFERENCE_CUSTOMERS * scale**_CUSTOMERS_POWER)
        items = int(_REFERENCE_ITEMS * scale**_ITEMS_POWER)
        return cls(
            seed,
            min(max(customers, _MIN_CUSTOMERS), _MAX_CUSTOMERS),
            min(max(items, MIN_ITEMS), MAX_ITEMS),
            opened,
            max(span, 1),
        )

    def plain(self) -> dict[str, Any]:
        return asdict(self)


class Shop:
    def __init__(self, world: World, source: str, dirt: Dirt, start: int) -> None:
        """The shop from `start` on."""
        self.source = source
        self.catalogue = make_catalogue(world.seed, world.items, world.opened, world.span)
        self.customers = make_customers(world.seed, world.customers, world.opened, world.span, self.catalogue)
        self._seed, self._dirt = world.seed, dirt
        self._demand = Demand(world.seed, start, self.catalogue, self.customers)
        items = zip(self.catalogue.codes, self.catalogue.names, self.catalogue.prices, strict=True)
        self._format = LineFormat(
            goods=(*items, *((fee.code, fee.name, fee.price) for fee in FEES)),
            products=len(self.catalogue),
            customers=self.customers.ids,
            countries=ALL_COUNTRIES,
            source=source,
            first_invoice=_first_invoice(source),
        )

    def block(self, lines: int, first_sequence: int, moments: Moments) -> LogLines:
        """`lines` lines of the log, dirt included."""
        rng = np.random.default_rng((self._seed, 5, first_sequence))
        shown = self._dirt.doubling(rng, lines)
        orders = self._demand.block(int(shown[-1]) + 1, first_sequence, moments)
        return self._dirt.soil(rng, self._format.lines(orders, first_sequence), shown)

    def catalogue_file(self, now: int) -> bytes:
        return format_catalogue(self.catalogue.listed(now))


def block_sizes(lines: int) -> Iterator[int]:
    """How a simulated run of `lines` lines is cut; it depends on nothing else."""
    size = min(MAX_BLOCK_LINES, max(_MIN_BLOCK_LINES, lines // _BLOCKS_AT_LEAST))
    for start in range(0, lines, size):
        yield min(size, lines - start)


def completed(torn: bytes, source: str, sequence: int, time: int) -> LogLines:
    """The end for a line that a killed writer left unfinished: too many columns and an id of its own.

    Nobody can take it for an order, and nothing that was read is taken back.
    """
    try:
        torn.decode()
        reason = Reason.COLUMNS
    except UnicodeDecodeError:
        reason = Reason.NOT_UTF8
    text = b",,,,,,,,,," + f"{source}-{sequence}\n".encode()
    return LogLines(
        pa.array([text], pa.large_binary()),
        np.array([sequence]),
        np.array([time]),
        np.array([number_of(reason)], np.int8),
    )


def source_name(world: World, *others: object) -> str:
    """The same for the same orders and no other: ids of two different shops must never meet in one lake."""
    return "till-" + blake2b(repr((world, others)).encode(), digest_size=4).hexdigest()


def _first_invoice(source: str) -> int:
    """Somewhere of its own for each source, for invoice numbers carry no source."""
    return 100_000 + int.from_bytes(blake2b(source.encode(), digest_size=4).digest()) % 9_000_000
