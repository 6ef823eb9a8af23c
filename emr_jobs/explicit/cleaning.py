"""Which lines are ratings, and why the others are none: each line has one fate, and the counts add up."""

from dataclasses import dataclass
from functools import reduce
from operator import or_

from pyspark.sql import Column, DataFrame, Observation, Window
from pyspark.sql import functions as F

MALFORMED, MISSING, NO_NUMBER = "malformed", "missing", "no number"
OUT_OF_RANGE, UNKNOWN_ITEM, DUPLICATE = "out of range", "unknown item", "duplicate"
REASONS = {
    MALFORMED: "not as many fields as the first line",
    MISSING: "no user, no item, no rating or no time",
    NO_NUMBER: "a rating or a time that cannot be read",
    OUT_OF_RANGE: "a rating outside the scale",
    UNKNOWN_ITEM: "an item that the items file does not have",
    DUPLICATE: "a pair rated again later: the newest counts",
}
_LAST_SECOND = 253_402_300_799  # of the year 9999, the last that a table can hold
KEPT = ("user", "item", "rating", "time")


class NoRatingsError(ValueError):
    """Nothing is left to learn from; the message says what became of the lines."""


class AccountError(RuntimeError):
    """A line has no fate, or two."""


@dataclass(frozen=True, slots=True)
class Scale:
    """What ratings may be."""

    low: float = 0.5
    high: float = 5.0

    @property
    def liked(self) -> float:
        """From here on a rating says that somebody liked it: the upper quarter, 4 of MovieLens's 5 stars."""
        return self.low + 0.75 * (self.high - self.low)


@dataclass(frozen=True, slots=True)
class Account:
    """What became of a file's lines."""

    lines: int
    kept: int  # as the table has them, counted there
    refused: dict[str, int]  # by reason; those there are

    @property
    def adds_up(self) -> bool:
        return self.lines == self.kept + sum(self.refused.values())

    def __str__(self) -> str:
        """The sum, with every term that is not zero."""
        refused = "".join(f" + {count:,} {why}" for why, count in self.refused.items())
        return f"{self.lines:,} lines = {self.kept:,} kept{refused}"


def judged(texts: DataFrame, scale: Scale, known_items: DataFrame | None, *, timed: bool) -> DataFrame:
    """rating_file.TEXTS -> KEPT and `reason`, null where the line is a rating that counts."""
    reason = F.coalesce(*(F.when(met, F.lit(why)) for why, met in _refusals(scale, timed).items()))
    read = texts.select(
        F.trim("user").alias("user"),
        F.trim("item").alias("item"),
        _rating(),
        _seconds(),
        reason.alias("reason"),
    )
    if known_items is not None:
        names = F.broadcast(known_items.select(F.col("item").alias("known")))
        unknown = F.when(F.col("known").isNull(), F.lit(UNKNOWN_ITEM))
        read = read.join(names, F.col("item") == F.col("known"), "left").withColumn(
            "reason", F.coalesce("reason", unknown)
        )
    newest_first = Window.partitionBy("user", "item", F.col("reason").isNull()).orderBy(
        F.desc("seconds"), F.desc("rating")
    )
    older = F.col("reason").isNull() & (F.row_number().over(newest_first) > 1)
    return read.select(
        "user",
        "item",
        "rating",
        F.timestamp_seconds("seconds").alias("time"),
        F.when(older, F.lit(DUPLICATE)).otherwise(F.col("reason")).alias("reason"),
    )


def counted(judged_lines: DataFrame) -> tuple[DataFrame, Observation]:
    """The ratings that count; the observation has the lines by fate once they have been written."""
    told = Observation("fates")
    columns = [F.count(F.lit(1)).alias("lines")]
    columns += [F.count_if(F.col("reason") == why).alias(why) for why in REASONS]
    kept = judged_lines.observe(told, *columns).where(F.col("reason").isNull())
    return kept.select(*KEPT), told


def account(told: Observation, kept: int) -> Account:
    counts = dict(told.get)
    lines = counts.pop("lines")
    return Account(lines, kept, {why: count for why, count in counts.items() if count})


def check(found: Account, scale: Scale, place: str) -> None:
    """Raises NoRatingsError where nothing is left, or where the scale is plainly another."""
    if not found.adds_up:
        raise AccountError(
            f"{place}: {found}, which does not add up. A task that Spark had to repeat counts twice, and a "
            "file may have changed meanwhile: run it again"
        )
    said = ", ".join(f"{count:,} {why} ({REASONS[why]})" for why, count in found.refused.items())
    if not found.lines:
        raise NoRatingsError(f"{place} has no line but its header: there is nothing to learn from")
    if found.refused.get(OUT_OF_RANGE, 0) * 2 > found.lines:
        raise NoRatingsError(
            f"{place}: {said}. Most ratings lie outside {scale.low:g} to {scale.high:g}: "
            "say what they may be, as --scale 1 10"
        )
    if not found.kept:
        raise NoRatingsError(f"{place}: of {found.lines:,} lines none is a rating that counts: {said}")


def _refusals(scale: Scale, timed: bool) -> dict[str, Column]:
    """In this order: the first that is met is the reason."""
    texts = ("user", "item", "rating", *(("time",) if timed else ()))
    return {
        MALFORMED: F.col("user").isNull(),
        MISSING: reduce(or_, (F.trim(column) == "" for column in texts)),
        NO_NUMBER: _rating().isNull() | F.isnan(_rating()) | _seconds().isNull(),
        OUT_OF_RANGE: ~_rating().between(scale.low, scale.high),
    }


def _rating() -> Column:
    return F.expr("try_cast(rating AS double)").alias("rating")


def _seconds() -> Column:
    """Seconds since 1970, or a date and time; 0 without one. Null where no table could hold it."""
    told = F.expr("coalesce(try_cast(time AS bigint), unix_seconds(try_cast(time AS timestamp)))")
    whole = F.when(F.trim("time") == "", F.lit(0)).otherwise(told)
    return F.when(whole.between(0, _LAST_SECOND), whole).alias("seconds")
