"""The lines that are plainly good, read many at a time. Called by order_rows; the contract reads the others.

The contract's parse_line reads some 70,000 lines a CPU-second, this ten times as many. It refuses nothing:
one expression, narrower than the contract, proves that a line would be accepted and what its fields say. What
it does not prove (careless codes, other forms of time, eight columns, odd quotes, no UTF-8) may yet be good.
"""

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import csv

from contracts.order_line import FIELDS, FUTURE_ALLOWANCE, MAX_LINE_BYTES, PRICE_DIGITS, PRODUCT_CODE, Fate

TYPES = {
    "quantity": pa.int32(),
    "time": pa.timestamp("us", "UTC"),
    "unit_price": pa.decimal128(*PRICE_DIGITS),
}
_FATES = pa.array([Fate.SALE.value, Fate.GUEST.value, Fate.RETURN.value, Fate.FEE.value])
_SALE, _GUEST, _RETURN, _FEE = range(4)

# Text that str.strip leaves as it is: at its ends none of Python's white space, which is more than ASCII's.
_SPACE = r"\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}"
_INNER, _EDGE = r'[^\x00-\x1f",]', rf'[^\x00-\x20",{_SPACE}]'
_BARE = f"(?:{_EDGE}(?:{_INNER}*{_EDGE})?)?"
_QUOTED_INNER, _QUOTED_EDGE = f'(?:{_INNER}|,|"")', f'(?:{_EDGE}|,|"")'
_TEXT = f'(?:{_BARE}|"(?:{_QUOTED_EDGE}(?:{_QUOTED_INNER}*{_QUOTED_EDGE})?)?")'

_INVOICE = "[A-Z]?[0-9]+"  # with a digit in it, so never a header's
_CODE = "[0-9A-Z](?:[0-9A-Z _.-]*[0-9A-Z])?"
_QUANTITY = "-?[1-9][0-9]{0,8}"
_DAY = (  # no 29 February: whether there is one, the contract knows
    "(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    "|02-(?:0[1-9]|1[0-9]|2[0-8]))"
)
_TIME = f"(?:19|20)[0-9]{{2}}-{_DAY}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z"
_PRICE = r"-?[0-9]{1,10}(?:\.[0-9]{1,4})?"
_CUSTOMER = "(?:[A-Za-z0-9][A-Za-z0-9._@:+-]{0,63})?"
_EVENT_ID = "[A-Za-z0-9][A-Za-z0-9._:-]{0,99}-[1-9][0-9]{0,14}"

_COLUMNS = (_INVOICE, _CODE, _TEXT, _QUANTITY, _TIME, _PRICE, _CUSTOMER, _TEXT, _EVENT_ID)
_PLAIN = r"\A" + ",".join(_COLUMNS) + r"\r?\n\z"

_UTF8 = (  # by bytes: so does Arrow read the patterns of binary values
    r"\A(?:[\x00-\x7f]|[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|\xed[\x80-\x9f][\x80-\xbf]"
    r"|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}"
    r"|\xf4[\x80-\x8f][\x80-\xbf]{2})*\z"
)


def read(lines: pa.BinaryArray, now: datetime) -> tuple[NDArray[np.bool_], pa.Table]:
    """Which lines are plainly good, and their FIELDS and fate as columns, in the same order.

    Every line has its newline. An order younger than `now` is not plain.
    """
    plain = _proven(lines)
    orders = _columns(lines if plain.all() else lines.filter(pa.array(plain)))
    timely = _flags(pc.less_equal(orders["time"], _latest(now)))
    if not timely.all():
        orders = orders.filter(pa.array(timely))
        plain[plain] = timely
    return plain, orders.append_column("fate", _fates(orders))


def _proven(lines: pa.BinaryArray) -> NDArray[np.bool_]:
    proven = _flags(pc.less_equal(pc.binary_length(lines), MAX_LINE_BYTES))
    try:
        texts = lines.cast(pa.string())
    except pa.ArrowInvalid:  # some line is no UTF-8; the others can still be plain
        proven &= _matches(lines, _UTF8)
        texts = lines.filter(pa.array(proven)).cast(pa.string())
        proven[proven] = _matches(texts, _PLAIN)
        return proven
    return proven & _matches(texts, _PLAIN)


def _columns(proven: pa.BinaryArray) -> pa.Table:
    types = {name: TYPES.get(name, pa.string()) for name in FIELDS}
    if not len(proven):
        return pa.schema(types.items()).empty_table()
    _, offsets, data = proven.buffers()
    first, last = np.frombuffer(offsets, np.int32)[[proven.offset, proven.offset + len(proven)]].tolist()
    return csv.read_csv(
        pa.BufferReader(data.slice(first, last - first)),
        csv.ReadOptions(use_threads=False, block_size=last - first + 1, column_names=list(FIELDS)),
        csv.ParseOptions(quote_char='"', double_quote=True),
        csv.ConvertOptions(check_utf8=False, column_types=types, strings_can_be_null=False),
    )


def _latest(now: datetime) -> pa.Scalar:
    return pa.scalar((now + FUTURE_ALLOWANCE).astimezone(UTC), TYPES["time"])


def _fates(orders: pa.Table) -> pa.ChunkedArray:
    """fate_of, by column."""
    product = _matches(orders["stock_code"], rf"\A(?:{PRODUCT_CODE.pattern})\z")
    back = _flags(pc.or_(pc.less(orders["quantity"], 0), pc.starts_with(orders["invoice"], "C")))
    guest = _flags(pc.equal(orders["customer"], ""))
    return _FATES.take(pa.array(np.select([~product, back, guest], [_FEE, _RETURN, _GUEST], _SALE)))


def _matches(values: pa.Array, pattern: str) -> NDArray[np.bool_]:
    return _flags(pc.match_substring_regex(values, pattern))


def _flags(condition: pa.Array) -> NDArray[np.bool_]:
    return np.array(condition, dtype=bool)  # a copy, so that it can be written to
