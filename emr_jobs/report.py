"""The report: one HTML page with the lake's analyses, the lists' quality, the ledger and the gate; its PNGs.

`cadabra report` runs it with a Spark on this machine. It only reads.
"""

import argparse
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import boto3
import pyarrow as pa
from botocore.exceptions import BotoCoreError, ClientError
from pyspark.sql import SparkSession

from contracts import publications
from emr_jobs import progress, settings_file
from emr_jobs.analyses.questions import Question, answer, offer, questions
from emr_jobs.judging import comparison, stored_orders
from emr_jobs.judging.comparison import Comparison, NothingToJudgeError, Tell
from emr_jobs.judging.stored_orders import NoLakeError
from emr_jobs.orders import DAY_SECONDS, Orders
from emr_jobs.pictures import page, versions
from emr_jobs.pictures.chapters import chapters, facts
from emr_jobs.pictures.page import Chapter
from emr_jobs.settings import Settings, SettingsError
from emr_jobs.shop import Shop

WEEKS = 4  # judged again by the report itself
WEEK_SECONDS = 7 * DAY_SECONDS
PAGE, PICTURES = "report.html", "pictures"


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    shop = Shop(boto3.client("s3"), boto3.client("dynamodb"), options.bucket, options.table)
    try:
        report(shop, options.out, options.weeks)
    except (SettingsError, ClientError, BotoCoreError, OSError) as error:
        print(f"report: {error}", file=sys.stderr)
        return 1
    print(f"report: {options.out / PAGE}")
    return 0


def report(shop: Shop, out: Path, weeks: int) -> None:
    asked, chosen = questions(), settings_file.read(shop.s3, shop.bucket)
    with progress.steps("report", len(asked) + weeks * comparison.STEPS) as tell:
        spark = SparkSession.builder.appName("cadabra report").getOrCreate()
        try:
            answers = ask(spark, asked, tell)
        finally:
            spark.stop()
        found, none = judged(weeks, chosen.settings, tell)
    cards = versions.told(shop)
    state = publications.read(shop.dynamodb, shop.table)
    made = chapters(answers, cards, found, none)
    told = facts(answers, cards, state.live_version if state else "")
    said = f"s3://{shop.bucket}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC; settings of the model: {chosen}"
    write(out, page.render("Cadabra's report", said, told, made), made)


def ask(spark: SparkSession, asked: list[Question], tell: Tell) -> dict[Question, pa.Table | None]:
    """Each question's answer, None where the lake has no such table."""
    there = offer(spark)
    answers: dict[Question, pa.Table | None] = {}
    for question in asked:
        tell(question.text)
        answers[question] = answer(spark, question) if question.table in there else None
    return answers


def judged(weeks: int, settings: Settings, tell: Tell) -> tuple[list[Comparison], str]:
    """A comparison for each of the last whole weeks, oldest first; where there is none, why."""
    if not weeks:
        return [], "Not asked for: --weeks says how many."
    try:
        orders = stored_orders.read()
    except NoLakeError as error:
        return [], str(error)
    cuts = [_newest_midnight(orders) - week * WEEK_SECONDS for week in range(weeks, 0, -1)]
    found = []
    for cut in cuts:
        try:
            found.append(comparison.compare(orders, cut, 7, 1, settings, tell))
        except NothingToJudgeError:
            continue  # the shop is younger than that, or closed
    return found, "" if found else "The orders do not reach back a week: there is nothing to judge by yet."


def _newest_midnight(orders: Orders) -> int:
    """The end of the newest whole day."""
    return int(orders.seconds.max()) // DAY_SECONDS * DAY_SECONDS


def write(folder: Path, text: str, made: list[Chapter]) -> None:
    """The page last: one that is there is whole."""
    pictures = folder / PICTURES
    pictures.mkdir(parents=True, exist_ok=True)
    for chapter in made:
        for picture in chapter.pictures:
            if picture.png:
                (pictures / f"{picture.name}.png").write_bytes(picture.png)
    _clear(folder, {picture.name for chapter in made for picture in chapter.pictures if picture.png})
    unfinished = folder / f".{PAGE}"
    unfinished.write_text(text)
    unfinished.replace(folder / PAGE)


def _clear(folder: Path, kept: set[str]) -> None:
    """Remove what an earlier report drew and this one did not; its page tells, so nobody else's file goes."""
    with suppress(FileNotFoundError):
        for name in page.drawn_on((folder / PAGE).read_text(errors="replace")) - kept:
            (folder / PICTURES / f"{name}.png").unlink(missing_ok=True)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="report", description=__doc__.partition("\n")[0])
    parser.add_argument("--bucket", required=True, help="the bucket of the lake and the lists")
    parser.add_argument("--table", required=True, help="the DynamoDB table of what is served")
    parser.add_argument("--out", type=Path, default=Path("report"), help="the folder (%(default)s)")
    parser.add_argument(
        "--weeks",
        type=_weeks,
        default=WEEKS,
        help="judge the lists at so many weekly cuts; 0: not at all (%(default)s)",
    )
    return parser.parse_args(arguments)


def _weeks(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no number of weeks")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
