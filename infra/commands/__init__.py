"""What each `cadabra` command does: its arguments, and the functions it calls. Read by infra/cli.py.

What a command needs is imported when it runs: `cadabra --help` shall not wait for pyiceberg.
"""

from infra.commands import deployment, lake, lists, machine, model, publishing, storefront, study
from infra.commands.command import Command

COMMANDS: dict[str, Command] = {
    **machine.COMMANDS,
    **deployment.COMMANDS,
    **storefront.COMMANDS,
    **lists.COMMANDS,
    **publishing.COMMANDS,
    **model.COMMANDS,
    **lake.COMMANDS,
    **study.COMMANDS,
}
