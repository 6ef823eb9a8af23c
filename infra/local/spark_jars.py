"""Spark's Iceberg jars: resolved once into the user's Ivy cache, then put on the class path, as EMR does it.

`python -m infra.local.spark_jars` (make setup) resolves them ahead of time; the local EMR and the tests ask
`conf()`.
"""

import fcntl
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from infra.local import java

# The Iceberg of emr-spark-8.1.0, which brings it itself where a request says "iceberg.enabled".
PACKAGES = (
    "org.apache.iceberg:iceberg-spark-runtime-4.1_2.13:1.11.0",
    "org.apache.iceberg:iceberg-aws-bundle:1.11.0",
)
MAVEN_SETTINGS = Path(".m2", "settings.xml")  # in the user's home
IVY_FOLDER = Path(".ivy2.5.2")  # in the user's home: the folder Spark 4.1 uses by itself
LAST_LINES_SHOWN = 12  # of Ivy's report, which ends with what went wrong


class JarsMissingError(RuntimeError):
    """The jars are not in the cache and could not be fetched."""


def conf(home: Path | None = None) -> dict[str, str]:
    """What a Spark session needs to have Iceberg: the cached files, or the packages where they are not cached.

    The class path starts a session about a second sooner than Ivy does, and needs no network.
    """
    home = home or Path.home()
    jars = cached(home)
    if all(jar.is_file() for jar in jars):
        return {"spark.driver.extraClassPath": os.pathsep.join(map(str, jars))}
    return resolver_conf(home)


def cached(home: Path) -> list[Path]:
    """Where Spark's Ivy puts each package's one jar (both are bundles that depend on nothing)."""
    return [
        home / IVY_FOLDER / "jars" / f"{group}_{artifact}-{version}.jar"
        for group, artifact, version in (package.split(":") for package in PACKAGES)
    ]


def resolver_conf(home: Path) -> dict[str, str]:
    found = {"spark.jars.packages": ",".join(PACKAGES), "spark.jars.ivy": str(home / IVY_FOLDER)}
    settings = home / MAVEN_SETTINGS
    text = ivy_settings(settings.read_text()) if settings.is_file() else None
    if text is not None:
        path = home / IVY_FOLDER / "cadabra-ivysettings.xml"
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{os.getpid()}")
        temporary.write_text(text)
        temporary.replace(path)
        found["spark.jars.ivySettings"] = str(path)
    return found


def ivy_settings(maven_settings: str) -> str | None:
    """The Ivy settings that ask the mirror of Maven Central which `settings.xml` names; None where it names none."""
    root = ElementTree.fromstring(maven_settings)  # noqa: S314  the user's own file
    for mirror in root.iter():
        if _name(mirror) != "mirror":
            continue
        values = {_name(child): (child.text or "").strip() for child in mirror}
        if _covers_central(values.get("mirrorOf", "")) and values.get("url"):
            return _ivy_xml(values["url"])
    return None


def _name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _covers_central(mirror_of: str) -> bool:
    """Maven's own rule: ids and wildcards with commas between, an id behind `!` is left out."""
    patterns = [pattern.strip() for pattern in mirror_of.split(",")]
    return "!central" not in patterns and bool({"*", "external:*", "central"} & set(patterns))


def _ivy_xml(url: str) -> str:
    settings = ElementTree.Element("ivysettings")
    ElementTree.SubElement(settings, "settings", defaultResolver="mirror")
    resolvers = ElementTree.SubElement(settings, "resolvers")
    ElementTree.SubElement(resolvers, "ibiblio", name="mirror", m2compatible="true", root=url)
    return ElementTree.tostring(settings, encoding="unicode") + "\n"
