"""Every S3 key of the system, written and read back. S3 is the truth: all else can be rebuilt from these."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

ORDERS = "orders/"
FIREHOSE_ERRORS = "firehose-errors/"
CATALOGUE = "catalogue/catalogue.csv"
LAKE = "lake/"
INGEST_PLAN = LAKE + "unfinished.json"  # what a run is about to commit; gone when it is committed
INGEST_UNDERTAKING = LAKE + "undertaking.json"  # hours that take more than one commit; gone when they are in
LISTS = "lists/"
MODELS = "models/"
PUBLICATIONS = "publications/"
STUDIES = "studies/"
RAW_STUDIES = STUDIES + "raw/"
BACKTEST = "backtest/last.json"  # the day's, whether or not the version it judged went live
MODEL_SETTINGS = "settings/model.toml"  # of every run that names no other; without it, the defaults
ERASURES = "erasures/"
SUPPRESSED = ERASURES + "suppressed/"  # an object for each erased customer, named by a keyed hash
ERASURE_REQUESTS = ERASURES + "requests/"  # what is asked for and not done; the only place that names an id
ERASURE_RECEIPTS = ERASURES + "receipts/"
ERASURE_KEY_PLACE = ERASURES + "key.json"  # says where the hashes' key is; it is not here
ERASURE_KEY = "keys/erasure.key"  # in the bucket of the artifacts
ARTIFACTS = "artifacts/"
EMR_REQUEST = ARTIFACTS + "emr_retrain.json"
EMR_LOGS = "logs/emr/"

FIREHOSE_PREFIX = (
    ORDERS + "year=!{timestamp:yyyy}/month=!{timestamp:MM}/day=!{timestamp:dd}/hour=!{timestamp:HH}/"
)
FIREHOSE_ERROR_PREFIX = FIREHOSE_ERRORS + "!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd/HH}/"

_HIVE = re.compile(r"year=(\d{4})/month=(\d{2})/day=(\d{2})/hour=(\d{2})/")
_PLAIN = re.compile(r"(\d{4})/(\d{2})/(\d{2})/(\d{2})/")
_LITERAL = "year=!{timestamp:"  # an emulator that leaves expressions as they are
_STAMPED_NAME = re.compile(r"-(\d{4})-(\d{2})-(\d{2})-(\d{2})-\d{2}-\d{2}-[^/]*$")


def arrival_prefix(hour: datetime) -> str:
    """Where Firehose lands what arrives in this hour."""
    return f"{ORDERS}{hour.astimezone(UTC):year=%Y/month=%m/day=%d/hour=%H}/"


def arrival_prefixes(first: datetime, last: datetime) -> Iterator[str]:
    """Every prefix that may hold what arrived from hour `first` to hour `last`, both included."""
    hour = first.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    while hour <= last.astimezone(UTC):
        yield arrival_prefix(hour)
        yield f"{ORDERS}{hour:%Y/%m/%d/%H}/"
        hour += timedelta(hours=1)
    yield ORDERS + _LITERAL


def arrival_hour(key: str) -> datetime | None:
    """The hour an object of raw orders arrived in, or None where its key tells none."""
    if not key.startswith(ORDERS):
        return None
    rest = key[len(ORDERS) :]
    match = _HIVE.match(rest) or _PLAIN.match(rest) or _STAMPED_NAME.search(rest)
    try:
        return datetime.strptime("".join(match.groups()), "%Y%m%d%H").replace(tzinfo=UTC) if match else None
    except ValueError:
        return None


@dataclass(frozen=True, order=True)
class Version:
    """One retrain's lists: the time they know of, and the run that made them."""

    as_of: datetime
    run: int

    def __str__(self) -> str:
        return f"{self.as_of.astimezone(UTC):%Y%m%dT%H%M%SZ}-{self.run}"

    @classmethod
    def parse(cls, text: str) -> "Version":
        as_of, _, run = text.partition("-")
        try:
            time = datetime.strptime(as_of, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
            return cls(time, int(run))
        except ValueError as error:
            raise ValueError(f"{text!r} is no version such as 20261120T110000Z-1795173509") from error

    @property
    def customers(self) -> str:
        """The full lists of every customer, Parquet."""
        return f"{LISTS}{self}/customers.parquet"

    @property
    def items(self) -> str:
        """What goes together with each item, and what is popular, Parquet."""
        return f"{LISTS}{self}/items.parquet"

    @property
    def card(self) -> str:
        """The model card: what went in, came out, and what the gate said. Written last."""
        return f"{LISTS}{self}/card.json"

    @property
    def model(self) -> str:
        """The factors and the string-to-row maps."""
        return f"{MODELS}{self}/factors.npz"

    @property
    def lasting(self) -> str:
        """The factors of lasting taste, which only the ranker sees."""
        return f"{MODELS}{self}/lasting.npz"

    @property
    def company(self) -> str:
        """Which items go with which, which only the ranker sees."""
        return f"{MODELS}{self}/company.npz"

    @property
    def forest(self) -> str:
        """The trained ranker; a version ranked by the blend has none."""
        return f"{MODELS}{self}/forest.npz"

    @property
    def study(self) -> str:
        """The folder of what a study of ratings found, if this version is one: table, plot, lists, files."""
        return f"{STUDIES}{self}/"

    @property
    def ranked(self) -> str:
        """Of which orders each customer's list was made."""
        return f"{MODELS}{self}/ranked.npz"


@dataclass(frozen=True, order=True)
class Part:
    """One piece of a publication; its key says all that the publisher must know of it."""

    number: int
    place: int
    count: int

    _KEY = re.compile(re.escape(PUBLICATIONS) + r"(\d{10})/part-(\d{5})-of-(\d{5})\.jsonl\.gz")

    @property
    def key(self) -> str:
        return f"{publication_prefix(self.number)}part-{self.place:05d}-of-{self.count:05d}.jsonl.gz"

    @classmethod
    def parse(cls, key: str) -> "Part | None":
        match = cls._KEY.fullmatch(key)
        return cls(*map(int, match.groups())) if match else None


def publication_prefix(number: int) -> str:
    return f"{PUBLICATIONS}{number:010d}/"


def opened_key(number: int) -> str:
    """Written when a publication opens: which version, how many parts."""
    return publication_prefix(number) + "opened.json"


def closed_key(number: int) -> str:
    """Written when every part is in and verified. The highest number that has it is what is live."""
    return publication_prefix(number) + "closed.json"


def raw_study_prefix(run: int) -> str:
    """What a study was given, while it runs."""
    return f"{RAW_STUDIES}{run}/"


def raw_study_key(run: int, kind: str, name: str) -> str:
    """A file of a kind, as it came: the ratings' and the items' may have the same name."""
    return f"{raw_study_prefix(run)}{kind}/{name}"


def request_key(digest: str) -> str:
    """An erasure that was asked for, by the customer's keyed hash."""
    return f"{ERASURE_REQUESTS}{digest}.json"


def receipt_key(digest: str, asked: datetime) -> str:
    """What an erasure removed: the same key however often it was begun, killed and begun again."""
    return f"{ERASURE_RECEIPTS}{asked.astimezone(UTC):%Y%m%dT%H%M%SZ}-{digest[:16]}.json"
