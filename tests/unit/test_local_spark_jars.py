"""How a Spark session gets Iceberg."""

from infra.local import spark_jars

PACKAGES = ("a.group:tool_2.13:1.0", "b:more:2.1")


def test_cached_jars_go_onto_the_class_path(tmp_path):
    jars = tmp_path / ".ivy2.5.2" / "jars"
    jars.mkdir(parents=True)
    (jars / "a.group_tool_2.13-1.0.jar").touch()
    (jars / "b_more-2.1.jar").touch()
    assert spark_jars.conf(tmp_path, PACKAGES) == {
        "spark.driver.extraClassPath": f"{jars}/a.group_tool_2.13-1.0.jar:{jars}/b_more-2.1.jar"
    }


def test_where_one_is_missing_spark_fetches_all_of_them(tmp_path):
    jars = tmp_path / ".ivy2.5.2" / "jars"
    jars.mkdir(parents=True)
    (jars / "b_more-2.1.jar").touch()
    assert spark_jars.conf(tmp_path, PACKAGES) == {
        "spark.jars.packages": "a.group:tool_2.13:1.0,b:more:2.1",
        "spark.jars.ivy": f"{tmp_path}/.ivy2.5.2",
    }


def test_a_mirror_comes_with_them(tmp_path):
    (tmp_path / ".m2").mkdir()
    (tmp_path / ".m2" / "settings.xml").write_text(
        "<settings><mirrors><mirror><mirrorOf>*</mirrorOf><url>https://mirror.example</url></mirror></mirrors></settings>"
    )
    path = tmp_path / ".ivy2.5.2" / "cadabra-ivysettings.xml"
    assert spark_jars.conf(tmp_path, PACKAGES)["spark.jars.ivySettings"] == str(path)
    assert 'root="https://mirror.example"' in path.read_text()
