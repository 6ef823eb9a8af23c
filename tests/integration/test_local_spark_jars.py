"""Jars through the user's Maven mirror: a folder served on this machine, and no network."""

import functools
import threading
import zipfile
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from infra.local import java, spark_jars
from infra.local.spark_home import spark_home

PACKAGE = "org.example:tiny_2.13:1.0"
POM = """<project><modelVersion>4.0.0</modelVersion>
<groupId>org.example</groupId><artifactId>tiny_2.13</artifactId><version>1.0</version></project>"""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def mirror(tmp_path):
    """A Maven repository with one jar, named in the settings.xml of a home folder."""
    folder = tmp_path / "mirror" / "org" / "example" / "tiny_2.13" / "1.0"
    folder.mkdir(parents=True)
    (folder / "tiny_2.13-1.0.pom").write_text(POM)
    with zipfile.ZipFile(folder / "tiny_2.13-1.0.jar", "w") as jar:
        jar.writestr("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\n")
    handler = functools.partial(Quiet, directory=tmp_path / "mirror")
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        settings = tmp_path / "home" / ".m2" / "settings.xml"
        settings.parent.mkdir(parents=True)
        settings.write_text(
            "<settings><mirrors><mirror><id>m</id><mirrorOf>*</mirrorOf>"
            f"<url>http://127.0.0.1:{server.server_port}/</url></mirror></mirrors></settings>"
        )
        yield tmp_path / "home"
        server.shutdown()
        thread.join()


def test_what_the_mirror_has_comes_into_the_cache(mirror):
    spark_jars.fetch(mirror, spark_home(), java.find(), [PACKAGE])
    jar = mirror / ".ivy2.5.2" / "jars" / "org.example_tiny_2.13-1.0.jar"
    assert spark_jars.conf(mirror, [PACKAGE]) == {"spark.driver.extraClassPath": str(jar)}


def test_what_it_lacks_is_told_in_one_message(mirror):
    """With the package's name, and where to look."""
    with pytest.raises(spark_jars.JarsMissingError) as caught:
        spark_jars.fetch(mirror, spark_home(), java.find(), ["org.example:gone:2.0"])
    message = str(caught.value)
    assert "org.example:gone:2.0" in message
    assert "~/.m2/settings.xml" in message
    assert "make setup" in message
    assert "\tat " not in message
