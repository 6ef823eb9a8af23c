"""The user's Maven mirror, as Ivy settings: Spark's Ivy does not read ~/.m2/settings.xml itself.

spark_jars asks for it before it lets Spark fetch anything.
"""

import os
import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import Path

from infra.problem import ProblemError

SETTINGS = Path(".m2", "settings.xml")  # in the user's home
_VARIABLE = re.compile(r"\$\{env\.(\w+)\}")


class MavenSettingsError(ProblemError):
    """The user's settings.xml cannot be read."""


def write_ivy_settings(home: Path, folder: Path) -> Path | None:
    """The file for spark.jars.ivySettings; None where the user has no mirror of Maven Central."""
    source = home / SETTINGS
    if not source.is_file():
        return None
    try:
        text = ivy_settings(source.read_text(), os.environ)
    except ET.ParseError as error:
        raise MavenSettingsError(f"{source} is not XML: {error}") from error
    if text is None:
        return None
    path = folder / "cadabra-ivysettings.xml"
    folder.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}")
    temporary.touch(mode=0o600)  # it may hold the mirror's password, as settings.xml does
    temporary.write_text(text)
    temporary.replace(path)
    return path


def ivy_settings(maven_settings: str, environment: Mapping[str, str]) -> str | None:
    """Ivy settings that ask the first mirror which covers Maven Central."""
    root = ET.fromstring(maven_settings)  # noqa: S314  the user's own file
    for mirror in _each(root, "mirror"):
        url = _expanded(mirror.get("url", ""), environment)
        if url and _covers_central(mirror.get("mirrorOf", "")):
            return _xml(url)
    return None


def _each(root: ET.Element, name: str) -> list[dict[str, str]]:
    """The texts below each element of that name; settings.xml comes with and without its namespace."""
    return [
        {_name(child): (child.text or "").strip() for child in element}
        for element in root.iter()
        if _name(element) == name
    ]


def _name(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _covers_central(mirror_of: str) -> bool:
    """Maven's own rule: ids and wildcards between commas; an id behind `!` is left out."""
    patterns = {pattern.strip() for pattern in mirror_of.split(",")}
    return "!central" not in patterns and bool({"*", "external:*", "central"} & patterns)


def _expanded(text: str, environment: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda match: environment.get(match[1], ""), text)


def _xml(url: str) -> str:
    settings = ET.Element("ivysettings")
    ET.SubElement(settings, "settings", defaultResolver="mirror")
    resolvers = ET.SubElement(settings, "resolvers")
    ET.SubElement(resolvers, "ibiblio", name="mirror", m2compatible="true", root=url)
    return ET.tostring(settings, encoding="unicode") + "\n"
