"""AWS's list prices, on demand, in us-east-1: what the bill multiplies with, and where each figure is from.

They change: check them before you rely on the last dollar. Free tiers are not deducted.
"""

from dataclasses import dataclass

REGION = "us-east-1"
AS_OF = "2026-11-21"
GB = 2**30

# Where a figure is from. `remembered` could not be looked up when this was written: check it first.
_PAGE = "AWS's pricing page, as quoted by others in 2026"
_MEASURED = "AWS's pricing page, and what a month of publishing was measured with"
_REMEMBERED = "remembered"


@dataclass(frozen=True)
class Price:
    dollars: float
    per: str
    source: str

    def __post_init__(self) -> None:
        if self.dollars <= 0:
            raise ValueError(f"a price of {self.dollars} per {self.per}")


FIREHOSE_GB = Price(0.029, "GB", _REMEMBERED)  # each record rounded up to 5 KB
KINESIS_STREAM_HOUR = Price(0.04, "hour", _REMEMBERED)  # on demand, as the two below
KINESIS_IN_GB = Price(0.08, "GB", _REMEMBERED)
KINESIS_OUT_GB = Price(0.04, "GB", _REMEMBERED)
KINESIS_KEPT_GB_MONTH = Price(0.10, "GB", _REMEMBERED)  # beyond the first day, up to seven
KINESIS_SHARD_HOUR = Price(0.015, "hour", _REMEMBERED)  # provisioned
KINESIS_PUT_UNIT = Price(0.014e-6, "unit", _REMEMBERED)  # a started 25 KB of a record

S3_GB_MONTH = Price(0.023, "GB", _PAGE)
S3_RARE_GB_MONTH = Price(0.0125, "GB", _REMEMBERED)
S3_PUT = Price(0.005e-3, "request", _PAGE)  # COPY, POST and LIST too
S3_GET = Price(0.0004e-3, "request", _PAGE)
S3_MOVE = Price(0.01e-3, "object", _REMEMBERED)

DYNAMODB_WRITE = Price(0.625e-6, "unit", _MEASURED)  # a started KB
DYNAMODB_READ = Price(0.125e-6, "unit", _MEASURED)  # 4 KB, or twice that eventually consistent
DYNAMODB_GB_MONTH = Price(0.25, "GB", _REMEMBERED)
DYNAMODB_RECOVERY_GB_MONTH = Price(0.20, "GB", _REMEMBERED)

LAMBDA_REQUEST = Price(0.20e-6, "request", _PAGE)
LAMBDA_GB_SECOND = {
    "arm64": Price(0.0000133334, "GB s", _PAGE),
    "x86_64": Price(0.0000166667, "GB s", _PAGE),
}
SQS_REQUEST = Price(0.40e-6, "request", _REMEMBERED)
SNS_REQUEST = Price(0.50e-6, "notice", _REMEMBERED)
SNS_MAIL = Price(2e-5, "mail", _REMEMBERED)
TRANSFER_OUT_GB = Price(0.09, "GB", _PAGE)

KEY_MONTH = Price(1.00, "key", _REMEMBERED)  # of KMS; its requests are cents
ALARM_MONTH = Price(0.10, "metric", _PAGE)
DASHBOARD_MONTH = Price(3.00, "board", _PAGE)
METRIC_PUT = Price(0.01e-3, "request", _REMEMBERED)  # PutMetricData
METRIC_MONTH = Price(0.30, "metric", _PAGE)
LOGS_GB = Price(0.50, "GB", _PAGE)
LOGS_GB_MONTH = Price(0.03, "GB", _PAGE)

# An hour of one instance: EC2's part, and what EMR adds to it. EC2's of m5 is twice m5.large's, as quoted.
INSTANCE_HOUR = {
    "m5.xlarge": (Price(0.192, "hour", _PAGE), Price(0.048, "hour", _REMEMBERED)),
    "m5.2xlarge": (Price(0.384, "hour", _PAGE), Price(0.096, "hour", _REMEMBERED)),
    "m5.4xlarge": (Price(0.768, "hour", _PAGE), Price(0.192, "hour", _REMEMBERED)),
    "m6g.xlarge": (Price(0.154, "hour", _REMEMBERED), Price(0.0385, "hour", _REMEMBERED)),
    "m6g.2xlarge": (Price(0.308, "hour", _REMEMBERED), Price(0.077, "hour", _REMEMBERED)),
    "m7g.xlarge": (Price(0.1632, "hour", _REMEMBERED), Price(0.0408, "hour", _REMEMBERED)),
    "r5.xlarge": (Price(0.252, "hour", _REMEMBERED), Price(0.063, "hour", _REMEMBERED)),
    "r5.2xlarge": (Price(0.504, "hour", _REMEMBERED), Price(0.126, "hour", _REMEMBERED)),
}
DISK_GB_HOUR = Price(0.08 / 730, "GB h", _PAGE)
ADDRESS_HOUR = Price(0.005, "hour", _REMEMBERED)
