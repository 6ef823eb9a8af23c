"""The user's Maven mirror as Ivy settings."""

import pytest

from infra.local.maven_mirror import MavenSettingsError, ivy_settings, write_ivy_settings

NAMESPACE = 'xmlns="http://maven.apache.org/SETTINGS/1.2.0"'


def settings(mirrors: str, namespace: str = NAMESPACE) -> str:
    return f"<settings {namespace}><mirrors>{mirrors}</mirrors></settings>"


def mirror(of: str, url: str) -> str:
    return f"<mirror><id>m</id><mirrorOf>{of}</mirrorOf><url> {url} </url></mirror>"


@pytest.mark.parametrize("namespace", [NAMESPACE, ""])
@pytest.mark.parametrize("of", ["central", "*", "external:*", "*, !jboss", "other,central"])
def test_a_mirror_that_covers_central_is_asked(of, namespace):
    found = ivy_settings(settings(mirror(of, "https://mirror.example/maven2?a=1&amp;b=2"), namespace), {})
    assert found is not None
    assert 'root="https://mirror.example/maven2?a=1&amp;b=2"' in found
    assert 'm2compatible="true"' in found


@pytest.mark.parametrize("of", ["jboss", "*,!central", "external:http:*", ""])
def test_a_mirror_of_others_is_not(of):
    assert ivy_settings(settings(mirror(of, "https://mirror.example/")), {}) is None


def test_the_first_that_covers_central_wins():
    both = mirror("jboss", "https://one.example/") + mirror("*", "https://two.example/")
    assert "two.example" in (ivy_settings(settings(both + mirror("*", "https://three.example/")), {}) or "")


def test_variables_of_the_environment_are_filled_in():
    found = ivy_settings(settings(mirror("*", "https://${env.MIRROR}/maven2")), {"MIRROR": "mirror.example"})
    assert 'root="https://mirror.example/maven2"' in (found or "")


def test_without_settings_spark_s_own_way_stays(tmp_path):
    assert write_ivy_settings(tmp_path, tmp_path / "ivy") is None


def test_settings_that_are_no_xml_are_named(tmp_path):
    (tmp_path / ".m2").mkdir()
    (tmp_path / ".m2" / "settings.xml").write_text("<settings>")
    with pytest.raises(MavenSettingsError, match=r"settings\.xml is not XML"):
        write_ivy_settings(tmp_path, tmp_path / "ivy")
