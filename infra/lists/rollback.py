"""`cadabra rollback`: the version that was live before goes live again."""

from collections.abc import Callable

from contracts import history, publications
from contracts.history import NothingBeforeError, WentBackError
from infra.clients import client
from infra.lists.put_live import put_live
from infra.problem import ProblemError
from infra.stack import Stack


def roll_back(stack: Stack, say: Callable[[str], None]) -> None:
    """Run again, it changes nothing more: a second step back is asked for by name."""
    known = publications.read(client("dynamodb"), stack.table)
    noted = history.notes(client("s3"), stack.bucket)
    stored = history.versions(client("s3"), stack.bucket)
    try:
        version = history.version_before(known, noted, stored)
    except WentBackError as done:
        say(str(done))
        return
    except NothingBeforeError as error:
        raise ProblemError(str(error)) from error
    say(f"going back to {version}, from orders up to {version.as_of:%Y-%m-%d %H:%M} UTC")
    put_live(stack, version)
