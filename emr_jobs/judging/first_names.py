"""What each item was called when it first sold, so that nothing that came later is in it.

Used by order_file and stored_orders; a retrain has the catalogue.
"""

import pyarrow as pa
import pyarrow.compute as pc

from contracts.order_line import Fate

COLUMN = "description"  # of the order lines, beside orders.COLUMNS


def first_names(lines: pa.Table) -> dict[str, str]:
    """Code -> name. What came for nothing is often called what befell it: damaged, found, a sample."""
    fates = pa.array([str(Fate.SALE), str(Fate.GUEST)])
    sold = pc.and_(pc.is_in(lines["fate"], fates), pc.greater(lines["unit_price"], 0))
    named = lines.filter(pc.and_(sold, pc.not_equal(lines[COLUMN], "")))
    called = named.group_by(["stock_code", COLUMN]).aggregate([("time", "min")]).to_pylist()
    found: dict[str, str] = {}
    for each in sorted(called, key=lambda each: (each["time_min"], each[COLUMN])):
        found.setdefault(each["stock_code"], each[COLUMN])
    return found
