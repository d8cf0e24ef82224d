"""The settings: read once, checked whole, secrets kept."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from bot.errors import SettingsError
from bot.settings import Settings, describe, offline_environment

SECRET = "123456:AAsecretsecretsecret"


def problems_of(**environ: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment(environ)
    return caught.value.problems


def test_nothing_need_be_set() -> None:
    settings = Settings.from_environment({})
    assert settings.redis_url == ""
    assert settings.session_ttl_s == 30 * 24 * 3600
    assert settings.api_host == "127.0.0.1"
    assert settings.telegram_api_url == "https://api.telegram.org"


def test_every_setting_can_be_set() -> None:
    settings = Settings.from_environment(
        {
            "QUOTH_DATA_DIR": "~/somewhere",
            "REDIS_URL": "redis://:pw@db:6379/1",
            "QUOTH_REPLY_TIMEOUT_S": "2.5",
            "QUOTH_MAX_HISTORY_TURNS": "1_000",
            "QUOTH_LANGUAGE": "RU",
            "QUOTH_LIBRARIES": "laws, handbook,laws",
            "QUOTH_TELEGRAM_ADMINS": "1, -100200",
            "TELEGRAM_API_URL": "http://127.0.0.1:8081/",
        }
    )
    assert settings.data_dir == Path.home() / "somewhere"
    assert settings.redis_url == "redis://:pw@db:6379/1"
    assert settings.reply_timeout_s == 2.5
    assert settings.max_history_turns == 1000
    assert settings.language == "ru"
    assert settings.libraries == ("laws", "handbook")
    assert settings.telegram_admins == {1, -100200}
    assert settings.telegram_api_url == "http://127.0.0.1:8081"


@pytest.mark.parametrize(("libraries", "expected"), [("", ("*",)), ("*", ("*",)), ("-", ()), ("a", ("a",))])
def test_libraries_may_be_all_none_or_some(libraries: str, expected: tuple[str, ...]) -> None:
    assert Settings.from_environment({"QUOTH_LIBRARIES": libraries}).libraries == expected


def test_a_variable_set_to_nothing_counts_as_unset() -> None:
    assert Settings.from_environment({"QUOTH_API_PORT": " ", "REDIS_URL": ""}) == Settings.from_environment(
        {}
    )


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("QUOTH_API_PORT", "http"),
        ("QUOTH_API_PORT", "0"),
        ("QUOTH_MEMORY_MB", "0"),
        ("QUOTH_MEMORY_MB", "1.5 GB"),
        ("QUOTH_API_PORT", "65536"),
        ("QUOTH_REPLY_TIMEOUT_S", "nan"),
        ("QUOTH_REPLY_TIMEOUT_S", "-1"),
        ("QUOTH_LANGUAGE", "de"),
        ("QUOTH_LIBRARIES", "../etc"),
        ("QUOTH_TELEGRAM_ADMINS", "ann"),
        ("QUOTH_ENGINE", "gpt"),
        ("TELEGRAM_API_URL", "ftp://x"),
        ("TELEGRAM_API_URL", "https://"),
        ("TELEGRAM_API_URL", "https://x:port"),
        ("QUOTH_API_HOST", "a b"),
    ],
)
def test_a_bad_value_is_one_line_that_names_the_variable_and_the_value(variable: str, value: str) -> None:
    (line,) = problems_of(**{variable: value})
    assert line.startswith(f"{variable} takes ")
    assert repr(value) in line
    assert "\n" not in line


def test_all_problems_are_told_at_once() -> None:
    lines = problems_of(QUOTH_API_PORT="x", QUOTH_LANGUAGE="xx", TELEGRAM_TOKEN="a b", QUOTH_FOO="1")
    assert [line.split()[0] for line in lines] == [
        "QUOTH_LANGUAGE",
        "QUOTH_API_PORT",
        "TELEGRAM_TOKEN",
        "QUOTH_FOO",
    ]


def test_a_misspelt_variable_is_not_passed_over() -> None:
    (line,) = problems_of(QUOTH_LIBRARYS="a")
    assert line == "QUOTH_LIBRARYS is not a setting; did you mean QUOTH_LIBRARIES?"


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({"QUOTH_TELEGRAM_WEBHOOK_URL": "https://x"}, "QUOTH_TELEGRAM_WEBHOOK_SECRET"),
        ({"QUOTH_ENGINE": "openai"}, "QUOTH_MODEL"),
        ({"QUOTH_MAX_DOCUMENT_CHARS": "5000", "QUOTH_MAX_SHELF_CHARS": "4000"}, "QUOTH_MAX_SHELF_CHARS"),
    ],
)
def test_settings_that_contradict_each_other_are_told(environ: dict[str, str], named: str) -> None:
    (line,) = problems_of(**environ)
    assert named in line


def test_secrets_show_neither_in_repr_nor_in_errors() -> None:
    environ = {
        "TELEGRAM_TOKEN": SECRET,
        "REDIS_URL": "redis://:hidden@h",
        "QUOTH_MODEL_KEY": "hidden",
        "QUOTH_TELEGRAM_WEBHOOK_SECRET": "hidden",
    }
    shown = repr(Settings.from_environment(environ))
    assert "secret" not in shown.replace("telegram_webhook_secret", "")
    assert "hidden" not in shown
    for variable, value in {"TELEGRAM_TOKEN": f"{SECRET} x", "REDIS_URL": "http://:hidden@h"}.items():
        (line,) = problems_of(**{variable: value})
        assert "secret" not in line
        assert "hidden" not in line


def test_every_field_is_described() -> None:
    table = describe()
    assert len(table) == len(dataclasses.fields(Settings))
    assert len({variable for variable, _, _ in table}) == len(table)
    for variable, default, meaning in table:
        assert variable.startswith(("QUOTH_", "TELEGRAM_", "REDIS_"))
        assert default
        assert len(meaning) > 10


def test_the_shown_defaults_of_plain_settings_are_the_real_ones() -> None:
    fields = {field.metadata["variable"]: field for field in dataclasses.fields(Settings)}
    for variable, default, _ in describe():
        field = fields[variable]
        if not field.metadata["shown"]:
            assert field.metadata["parser"](default) == field.default


@pytest.mark.parametrize(
    ("home", "expected"),
    [("/x/data", Path("/x/data/quoth")), ("relative", Path.home() / ".local/share/quoth")],
)
def test_data_lie_where_the_desktop_s_rules_say(home: str, expected: Path) -> None:
    assert Settings.from_environment({"XDG_DATA_HOME": home}).data_dir == expected


def test_the_network_is_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for variable in (
        "HF_HUB_OFFLINE",
        "TRANSFORMERS_OFFLINE",
        "DP_SKIP_NLTK_DOWNLOAD",
        "TOKENIZERS_PARALLELISM",
    ):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setenv("TRANSFORMERS_VERBOSITY", "info")
    offline_environment()
    assert os.environ["HF_HUB_OFFLINE"] == os.environ["TRANSFORMERS_OFFLINE"] == "1"
    assert os.environ["DP_SKIP_NLTK_DOWNLOAD"] == "1"
    assert os.environ["TOKENIZERS_PARALLELISM"] == "false"
    assert os.environ["TRANSFORMERS_VERBOSITY"] == "info"  # the user's own choice
