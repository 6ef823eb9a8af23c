"""What is asked of a run of retrain: its arguments, as the EMR request and `cadabra retrain` give them."""

import argparse
from dataclasses import dataclass
from datetime import UTC, datetime

from contracts import arguments
from contracts.s3_layout import MODEL_SETTINGS
from emr_jobs.publishing import publication


@dataclass(frozen=True, slots=True)
class Run:
    number: int
    as_of: datetime | None  # None: the end of the newest hour with orders
    began: datetime
    seed: int
    wait_seconds: float


def options(given: list[str] | None, description: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="retrain", description=description)
    parser.add_argument("--bucket", required=True, help="the bucket of the lake, the lists and the models")
    parser.add_argument(
        "--table", required=True, help="the DynamoDB table of the lease and of what is served"
    )
    parser.add_argument("--run", required=True, type=int, help="this run's lease number")
    parser.add_argument(
        "--as-of",
        type=arguments.moment,
        help="learn from orders before this time (the end of the newest hour)",
    )
    parser.add_argument(
        "--began",
        type=_seconds,
        default=datetime.now(UTC),
        help="when the run began, in seconds since 1970 (now)",
    )
    parser.add_argument(
        "--settings", help=f"a TOML file, s3://... or a path (the bucket's {MODEL_SETTINGS}, or defaults)"
    )
    parser.add_argument(
        "--trainer",
        choices=arguments.TRAINERS,
        default=arguments.AUTO,
        help="who trains (%(default)s: by size)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of a cold start's factors (%(default)s)")
    parser.add_argument(
        "--wait",
        type=float,
        default=publication.WAIT_SECONDS,
        help="seconds until the lists must be live (%(default).0f)",
    )
    return parser.parse_args(given)


def _seconds(text: str) -> datetime:
    try:
        return datetime.fromtimestamp(int(text), UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds since 1970") from error
