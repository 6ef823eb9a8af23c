"""What a person did or met that the command line answers with one message and a non-zero exit."""


class ProblemError(Exception):
    """The message says what happened, where, and what to do next."""
