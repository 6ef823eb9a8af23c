"""The settings of the model as a file: which ones a run uses, and how they get to where it looks.

retrain reads them; `cadabra settings show | put FILE | reset` runs `python -m emr_jobs.settings_file`.
"""

import argparse
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from contracts.s3_layout import MODEL_SETTINGS
from emr_jobs.settings import Settings, SettingsError, from_toml, to_toml

DEFAULTS = "the defaults"


@dataclass(frozen=True, slots=True)
class Chosen:
    settings: Settings
    source: str  # where they are from

    def __str__(self) -> str:
        """The source, and what differs from the defaults."""
        others = [f"{name} {value!r}" for name, value in self.others.items()]
        if self.source == DEFAULTS or not others:
            return self.source
        return f"{self.source}: {', '.join(others)}"

    @property
    def others(self) -> dict[str, Any]:
        defaults = asdict(Settings())
        return {name: value for name, value in asdict(self.settings).items() if value != defaults[name]}


def read(s3: Any, bucket: str, place: str | None = None) -> Chosen:
    """Of a TOML file, s3://... or a path; where none is named of the bucket's own, or the defaults."""
    source = place or f"s3://{bucket}/{MODEL_SETTINGS}"
    mend = "name another file" if place else "put a right one or reset it: `cadabra settings`"
    try:
        return Chosen(from_toml(_text(s3, source)), source)
    except (OSError, ClientError, SettingsError, UnicodeDecodeError) as error:
        if place is None and isinstance(error, s3.exceptions.NoSuchKey):  # none was put
            return Chosen(Settings(), DEFAULTS)
        raise SettingsError(f"the settings {source} cannot be used: {error}; {mend}") from error


def put(s3: Any, bucket: str, file: Path) -> Chosen:
    """The file becomes that of every run, if each setting in it is one."""
    found = read(s3, bucket, str(file))
    s3.put_object(Bucket=bucket, Key=MODEL_SETTINGS, Body=to_toml(found.settings).encode())
    return found


def reset(s3: Any, bucket: str) -> None:
    s3.delete_object(Bucket=bucket, Key=MODEL_SETTINGS)


def shown(chosen: Chosen) -> str:
    """TOML that can be put again; what is not a default says so."""
    defaults = asdict(Settings())
    lines = [
        f"{line}  # default {defaults[name]!r}" if (name := line.partition(" ")[0]) in chosen.others else line
        for line in to_toml(chosen.settings).splitlines()
    ]
    return "\n".join([f"# {chosen.source}", *lines])


def _text(s3: Any, source: str) -> str:
    if not source.startswith("s3://"):
        return Path(source).read_text()
    bucket, _, key = source.removeprefix("s3://").partition("/")
    text: str = s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()
    return text


def main(given: list[str] | None = None) -> int:
    options = _options(given)
    s3 = boto3.client("s3")
    try:
        if options.action == "put":
            print(f"settings: the next run uses {put(s3, options.bucket, options.file)}")
        elif options.action == "reset":
            reset(s3, options.bucket)
            print(f"settings: the next run uses {DEFAULTS}")
        else:
            print(shown(read(s3, options.bucket)))
    except (SettingsError, ClientError, BotoCoreError) as error:
        print(f"settings: {error}", file=sys.stderr)
        return 1
    return 0


def _options(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="settings", description=__doc__.partition("\n")[0])
    parser.add_argument("--bucket", required=True, help="the bucket of the lake and the models")
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("show")
    actions.add_parser("put").add_argument("file", type=Path)
    actions.add_parser("reset")
    return parser.parse_args(given)


if __name__ == "__main__":
    sys.exit(main())
