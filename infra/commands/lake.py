"""The lake: does every line add up, what is in it, pictures of it, and taking a customer out of it."""

import argparse
import sys
from pathlib import Path

from infra.commands.command import Command


def _status(options: argparse.Namespace) -> int:
    from infra import session, stack
    from infra.console import say
    from infra.lake import status_report

    session.enter(options.data, options.target)
    found = stack.find()
    agrees = status_report.show(found, say, recounted=options.recount, as_json=options.json)
    return 0 if agrees else 1


def _sql(options: argparse.Namespace) -> None:
    from infra import session, stack
    from infra.lake import sql

    query = sql.query_text(options.query, options.file)
    sql.first_word(query)  # refused before anything is asked
    session.enter(options.data, options.target)
    limit = options.limit or (None if options.csv else sql.SHOWN_ROWS)
    sql.answer(stack.find(), query, limit, sys.stdout if options.csv else None)


def _report(options: argparse.Namespace) -> None:
    from infra import session, stack
    from infra.lake import report

    session.enter(options.data, options.target)
    report.write(stack.find(), options.out, options.weeks)


def _erase(options: argparse.Namespace) -> None:
    from infra import session, stack
    from infra.console import say
    from infra.lake import erase

    erase.check_customer(options.customer)
    session.enter(options.data, options.target)
    found = stack.find()
    if options.verify:
        erase.verify(found, options.customer, say)
        return
    _confirm(erase.WILL_BE_DONE, options)
    live = session.step_folder(options.data, options.target)
    try:
        erase.erase(found, options.customer, say, live)
    except KeyboardInterrupt:
        say("the customer is refused from now on; erase again, or the next hourly run ends the erasure")
        raise


def _confirm(what: str, options: argparse.Namespace) -> None:
    """Raises ProblemError unless a person repeats the customer, or --yes was given."""
    from infra.console import say
    from infra.problem import ProblemError

    if options.yes:
        return
    say(what)
    if not sys.stdin.isatty():
        raise ProblemError("nobody is here to confirm it: add --yes")
    if input("Type the customer once more to go on: ").strip() != options.customer:
        raise ProblemError("not the same customer: nothing was erased")


def _erase_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("customer", metavar="CUSTOMER", help="as it stands in the order lines")
    parser.add_argument("--yes", action="store_true", help="do not ask whether it is meant")
    parser.add_argument(
        "--verify", action="store_true", help="erase nothing: only search every object for the customer"
    )


def _report_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out", metavar="DIR", type=Path, default=Path("report"), help="the folder (%(default)s)"
    )
    parser.add_argument(
        "--weeks", metavar="N", type=_count, help="judge the lists again at so many weekly cuts (4)"
    )


def _status_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="all of it as JSON, for machines")
    parser.add_argument(
        "--recount",
        action="store_true",
        help="count each object's lines in the tables and compare the ledger",
    )


def _sql_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "query", metavar="SELECT", nargs="*", help="the query: over orders, rejects and ledger"
    )
    parser.add_argument("-f", "--file", metavar="FILE", type=Path, help="a file with the query (-: stdin)")
    parser.add_argument("--limit", metavar="N", type=_count, help="at most N rows (50; with --csv all)")
    parser.add_argument("--csv", action="store_true", help="CSV to stdout instead of a table")


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above 0")
    return int(text)


COMMANDS = {
    "status": Command(_status, "does every line add up, what is live, is a run active", _status_arguments),
    "erase": Command(_erase, "take a customer out of everything, with a receipt", _erase_arguments),
    "report": Command(
        _report, "one HTML page: the shop, the lists' quality, every line, the gate", _report_arguments
    ),
    "sql": Command(_sql, "ask the lake in SQL: its tables are orders, rejects and ledger", _sql_arguments),
}
