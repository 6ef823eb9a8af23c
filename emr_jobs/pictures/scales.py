"""What stands along an axis of a picture: numbers, days and shares as people read them."""

from datetime import timedelta

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.ticker import EngFormatter, FuncFormatter, LogLocator, NullLocator, PercentFormatter

from emr_jobs.pictures.columns import written

_DAY = timedelta(days=1)
_THOUSAND = 1000
_TENS = 5  # labels that fit beside each other, 10,000,000 too


def plain(axis: Axis) -> None:
    """0.25 and 250, then 1.5k and 3.4M."""
    short = EngFormatter(sep="")
    axis.set_major_formatter(FuncFormatter(lambda n, _: written(n) if abs(n) < _THOUSAND else short(n)))


def shares(drawn: Axes) -> None:
    """Upwards, from nothing to all."""
    drawn.set_ylim(0, 1)
    drawn.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))


def tens(drawn: Axes) -> None:
    """A scale of tens with plain numbers: matplotlib's own are TeX, which these pictures do not read."""
    drawn.set_xscale("log")
    drawn.xaxis.set_major_locator(LogLocator(numticks=_TENS))
    drawn.xaxis.set_minor_locator(NullLocator())
    drawn.xaxis.set_major_formatter(FuncFormatter(lambda number, _: written(number)))


def dates(drawn: Axes, least: timedelta) -> None:
    """Days, months or hours, whichever fit, without saying a year in each label.

    So much time is shown at least: of a single moment matplotlib would show four years.
    """
    first, last = drawn.dataLim.intervalx  # in days
    lacking = (least / _DAY - (last - first)) / 2
    if lacking > 0:
        drawn.set_xlim(first - lacking, last + lacking)
    places = AutoDateLocator(minticks=3, maxticks=9)  # type: ignore[no-untyped-call]
    drawn.xaxis.set_major_locator(places)
    drawn.xaxis.set_major_formatter(ConciseDateFormatter(places))  # type: ignore[no-untyped-call]
