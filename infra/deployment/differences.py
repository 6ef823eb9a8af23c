"""Where an emulated target is not as AWS is: the one table, for `deploy --verbose` and docs/architecture.md.

`python -m infra.deployment.differences` prints it for the page.
"""

from rich.table import Table

from infra import console
from infra.deployment.parity import SETTINGS

# What stands for something else on an emulated target, or stands there and does nothing.
EMULATED = (
    (
        "the delivery stream",
        "firehose/delivery, with the stream's settings: the emulator's own writes an object for each record",
        "Firehose",
    ),
    (
        "the lake's database, the dashboard",
        "localstack: claimed by CloudFormation and not there; deploy makes them by API",
        "CloudFormation",
    ),
    (
        "the EMR cluster",
        "infra/local EMR: the request's steps really run, on this one machine",
        "EMR, on the request's instances",
    ),
    (
        "IAM roles and policies, the bucket's and the topic's policy",
        "stand, and are not enforced; only an unsigned lookup is refused",
        "enforced",
    ),
    ("encryption, TLS only", "stands; nothing is encrypted", "enforced"),
    ("alarms on metrics of AWS's own", "stand, and never evaluate", "evaluate each minute or five"),
    (
        "mail from the topic",
        "none is sent; embedded: stands as confirmed at once",
        "sent once it is confirmed",
    ),
    ("a Lambda's runtime and processor", "embedded: the emulator's own Python", "as the template says"),
)


def table() -> list[tuple[str, str, str]]:
    """Each difference: what it is of, what becomes of it on an emulated target, and on AWS."""
    dropped, kept = "deploy sets it by API where the emulator drops it", "CloudFormation; deploy asks"
    set_by_api = [
        (f"{setting.what} ({setting.type.removeprefix('AWS::')})", dropped, kept) for setting in SETTINGS
    ]
    return [*set_by_api, *EMULATED]


def shown() -> Table:
    """For the screen."""
    made = console.table("Where an emulated target differs", "what", "embedded, localstack", "aws")
    for row in table():
        made.add_row(*row)
    return made


def markdown() -> str:
    rows = [("what", "embedded, localstack", "aws"), ("---",) * 3, *table()]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows).replace(" --- ", "---")


if __name__ == "__main__":
    print(markdown())
