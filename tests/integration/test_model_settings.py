"""The settings that runs use: put with a check, shown, taken back, and named where they are wrong."""

import argparse
from dataclasses import replace

import pytest

from contracts.s3_layout import MODEL_SETTINGS
from emr_jobs import settings_file
from emr_jobs.settings import Settings, SettingsError, from_toml, to_toml
from infra import model_settings, session, stack
from infra.commands import COMMANDS
from infra.problem import ProblemError
from infra.stack import Stack

TUNED = replace(Settings(), rank=32, regularisation=0.004)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "settings.toml"
    path.write_text(to_toml(TUNED))
    return path


def read(shop, place=None):
    return settings_file.read(shop.s3, shop.bucket, place)


def test_without_a_file_the_defaults_are_used_and_said(shop):
    assert read(shop) == settings_file.Chosen(Settings(), "the defaults")
    assert str(read(shop)) == "the defaults"


def test_what_is_put_is_what_runs_use_until_it_is_reset(shop, file):
    settings_file.put(shop.s3, shop.bucket, file)
    assert read(shop) == settings_file.Chosen(TUNED, f"s3://{shop.bucket}/settings/model.toml")
    assert str(read(shop)).endswith("settings/model.toml: rank 32, regularisation 0.004")
    settings_file.reset(shop.s3, shop.bucket)
    assert read(shop).settings == Settings()


def test_a_file_that_is_named_goes_before_the_one_that_was_put(shop, file, tmp_path):
    settings_file.put(shop.s3, shop.bucket, file)
    shop.s3.put_object(Bucket=shop.bucket, Key="other.toml", Body=b"rank = 8\n")
    assert read(shop, f"s3://{shop.bucket}/other.toml").settings.rank == 8
    (tmp_path / "here.toml").write_text("rank = 16\n")
    assert read(shop, str(tmp_path / "here.toml")).settings.rank == 16


def test_a_wrong_file_is_not_put_and_the_old_one_stays(shop, file):
    settings_file.put(shop.s3, shop.bucket, file)
    file.write_text("ranck = 8\n")
    with pytest.raises(SettingsError, match=r"settings\.toml cannot be used: there is no setting ranck"):
        settings_file.put(shop.s3, shop.bucket, file)
    assert read(shop).settings == TUNED


def test_a_wrong_file_that_somebody_put_by_hand_stops_the_run_and_says_what_to_do(shop):
    shop.s3.put_object(Bucket=shop.bucket, Key=MODEL_SETTINGS, Body=b"rank = 0\n")
    with pytest.raises(SettingsError, match=r"rank = 0 is zero, .*: `cadabra settings`"):
        read(shop)
    with pytest.raises(SettingsError, match=r"none\.toml cannot be used: .*name another file"):
        read(shop, f"s3://{shop.bucket}/none.toml")


def test_what_is_shown_can_be_put_again_and_marks_what_is_no_default(shop, file):
    shown = settings_file.shown(settings_file.put(shop.s3, shop.bucket, file))
    assert from_toml(shown) == TUNED
    assert "rank = 32  # default 64\n" in shown
    assert "\niterations = 16\n" in shown


def test_the_command_puts_shows_and_resets(shop, file, monkeypatch, capfd):
    here = Stack(*[shop.bucket] * len(Stack.__dataclass_fields__))
    monkeypatch.setattr(session, "enter", lambda *_: None)
    monkeypatch.setattr(stack, "find", lambda: here)

    def cadabra(action, path=None):
        COMMANDS["settings"].run(argparse.Namespace(data=None, target="aws", action=action, file=path))
        return capfd.readouterr().out

    assert "the next run uses" in cadabra("put", file)
    assert "rank = 32  # default 64" in cadabra("show")
    assert cadabra("reset") == "settings: the next run uses the defaults\n"
    assert cadabra("show").startswith("# the defaults\nrank = 64\n")
    with pytest.raises(ProblemError, match="put which file"):
        cadabra("put")
    file.write_text("rank = 'many'\n")
    with pytest.raises(ProblemError, match="nothing was changed"):
        model_settings.put(here, file)
    assert "rank = 'many' is no number" in capfd.readouterr().err


def test_a_file_beside_the_settings_is_none_of_them(shop):
    shop.s3.put_object(Bucket=shop.bucket, Key=f"{MODEL_SETTINGS}.old", Body=b"rank = 8")
    assert settings_file.read(shop.s3, shop.bucket).source == settings_file.DEFAULTS


def test_what_is_said_of_a_setting_is_its_whole_value(shop, tmp_path):
    (tmp_path / "fine.toml").write_text("regularisation = 0.0212345678")
    put = settings_file.put(shop.s3, shop.bucket, tmp_path / "fine.toml")
    assert str(put).endswith("regularisation 0.0212345678")
