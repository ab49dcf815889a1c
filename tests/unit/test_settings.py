"""Settings: defaults that work, every mistake at once, and nothing secret in what is said."""

from pathlib import Path

import pytest

from app.settings import Settings, SettingsError, documented
from domain.accounts.issuers import TrustedIssuer

SECRET = "kY3x0b1WcVtq9Zr7LmP5sD2fGh8jN4aQ"


def mistakes(**environ: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment(environ)
    return caught.value.mistakes


def test_an_empty_environment_gives_a_private_backend_on_sqlite() -> None:
    settings = Settings.from_environment({})
    assert settings.database == "sqlite:///data/stillroom.db"
    assert settings.is_sqlite
    assert settings.sqlite_file == Path("data/stillroom.db")
    assert not settings.is_public
    assert settings.workers >= 1
    assert settings.url == "http://127.0.0.1:8000"


def test_an_empty_variable_counts_as_absent() -> None:
    assert Settings.from_environment({"STILLROOM_PORT": "", "STILLROOM_SECRET_KEY": ""}) == Settings.from_environment({})


def test_values_are_read_in_their_types() -> None:
    settings = Settings.from_environment(
        {"STILLROOM_DATA_DIR": "/srv/room", "STILLROOM_PORT": "9000", "STILLROOM_LOG_LEVEL": "DEBUG", "HOME": "/root"}
    )
    assert (settings.data_dir, settings.port, settings.log_level) == (Path("/srv/room"), 9000, "debug")
    assert settings.database == "sqlite:////srv/room/stillroom.db"
    assert settings.sqlite_file == Path("/srv/room/stillroom.db")


def test_all_mistakes_are_told_together() -> None:
    found = mistakes(
        STILLROOM_PORT="80a", STILLROOM_WORKERS="0", STILLROOM_DATABASE_URL="mysql://x", STILLROOM_PRT="1", STILLROOM_LOG_LEVEL="loud"
    )
    assert [each.split()[0] for each in found] == [
        "STILLROOM_DATABASE_URL", "STILLROOM_LOG_LEVEL", "STILLROOM_PORT", "STILLROOM_PRT", "STILLROOM_WORKERS",
    ]  # fmt: skip


def test_this_machine_is_asked_in_development_alone() -> None:
    assert not Settings.from_environment({}).asks_loopback
    assert Settings.from_environment({"STILLROOM_LOOPBACK_PROVIDERS": "on"}).asks_loopback
    found = mistakes(STILLROOM_LOOPBACK_PROVIDERS="on", STILLROOM_HOST="0.0.0.0")
    assert found == ("STILLROOM_LOOPBACK_PROVIDERS is for development, so it is refused with the public address 0.0.0.0",)


def test_issuers_are_trusted_one_by_one() -> None:
    text = "https://id.example.org users my-api create, https://login.example.com staff my-api"
    settings = Settings.from_environment({"STILLROOM_TRUSTED_ISSUERS": text})
    assert settings.trusted_issuers == (
        TrustedIssuer("https://id.example.org", "users", "my-api", creates=True),
        TrustedIssuer("https://login.example.com", "staff", "my-api"),
    )  # fmt: skip


@pytest.mark.parametrize("text, said", [
    ("https://id.example.org", "a list of issuer, collection and audience"),
    ("https://id.example.org users my-api x", "a list of issuer, collection"),
    ("http://id.example.org users my-api", "STILLROOM_LOOPBACK_PROVIDERS"), ("https://a@id.example.org users x", "no user"),
    ("file:///etc/passwd users my-api", "begins with https://"), ("https://id.example.org _admins my-api", "cannot be for admins"),
    ("https://id.example.org Users my-api", "no collection"), ("https://a.org users x, https://a.org staff x", "twice"),
])  # fmt: skip
def test_an_issuer_that_cannot_be_trusted_is_refused(text: str, said: str) -> None:
    assert said in mistakes(STILLROOM_TRUSTED_ISSUERS=text)[0]


def test_an_unknown_name_is_refused_with_a_suggestion() -> None:
    assert mistakes(STILLROOM_DATADIR="x") == ("STILLROOM_DATADIR is no setting; did you mean `STILLROOM_DATA_DIR`?",)


@pytest.mark.parametrize("name", ["STILLROOM_FILE_URL", "STILLROOM_EXTENSION", "STILLROOM_DEBUG"])
def test_a_setting_that_does_nothing_is_refused(name: str) -> None:
    assert "is no setting" in mistakes(**{name: "1"})[0]


@pytest.mark.parametrize(
    "name, value",
    [
        ("STILLROOM_PORT", "0"),
        ("STILLROOM_PORT", "65536"),
        ("STILLROOM_PORT", "-1"),
        ("STILLROOM_PORT", "٨٠٠٠"),
        ("STILLROOM_THREADS", "1e3"),
        ("STILLROOM_HOST", "http://x/"),
        ("STILLROOM_PUBLIC_URL", "api.example.org"),
        ("STILLROOM_PUBLIC_URL", "https://example.org/path"),
        ("STILLROOM_PUBLIC_URL", "https://u:p@example.org"),
        ("STILLROOM_PUBLIC_URL", "https://example.org:99999"),
        ("STILLROOM_SECRET_KEY", "short"),
        ("STILLROOM_SECRET_KEY", "ab" * 40),
        ("STILLROOM_MAX_BODY", "0"),
        ("STILLROOM_PIN_WORKERS", "maybe"),
        ("STILLROOM_ARGON2_MEMORY", "0"),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_name(name: str, value: str) -> None:
    assert [each.split()[0] for each in mistakes(**{name: value})] == [name]


def test_a_refused_secret_or_url_is_not_repeated() -> None:
    said = " ".join(mistakes(STILLROOM_SECRET_KEY="hunter2", STILLROOM_DATABASE_URL="mysql://root:hunter2@db"))
    assert "hunter2" not in said


@pytest.mark.parametrize("settings, said", [
    ({"FILES_URL": "s3://planes?regoin=eu"}, "did you mean `region`?"),
    ({"FILES_URL": "s3://planes", "FILES_SECRET": "hunter2hunter2"}, "go together"),
    ({"FILES_URL": "s3://planes", "FILES_ACCESS_KEY": "AKIAHUNTER2"}, "go together"),
    ({"FILES_URL": "gs://planes", "FILES_ACCESS_KEY": "AKIAHUNTER2"}, "is for s3://"),
    ({"FILES_URL": "file:///srv/files", "FILES_SECRET": "hunter2hunter2"}, "STILLROOM_FILES_URL names none"),
    ({"FILES_SECRET": "hunter2hunter2"}, "STILLROOM_FILES_URL names none"),
    ({"FILES_URL": "s3://hunter2:hunter2@planes"}, "no keys in it"),
    ({"FILES_SECRET": "hunter2ü"}, "ASCII"),
    ({"FILES_SERVED": "redirect"}, "STILLROOM_FILES_URL names none"),
    ({"FILES_URL": "gs://planes", "FILES_SERVED": "x-sendfile"}, "is for files on disk"),
])  # fmt: skip
def test_keys_of_a_store_of_files_fit_it_and_are_not_repeated(settings: dict[str, str], said: str) -> None:
    told = " ".join(mistakes(**{f"STILLROOM_{name}": value for name, value in settings.items()}))
    assert said in told
    assert "hunter2" not in told.lower()


def test_postgresql_needs_a_secret_key() -> None:
    url = "postgresql://db/app"
    assert "STILLROOM_SECRET_KEY must be given" in mistakes(STILLROOM_DATABASE_URL=url)[0]
    assert not Settings.from_environment({"STILLROOM_DATABASE_URL": url, "STILLROOM_SECRET_KEY": SECRET}).is_sqlite


@pytest.mark.parametrize(
    "memory, passes, sound",
    [("19456", "2", True), ("7168", "5", True), ("47104", "1", True), ("8192", "2", False), ("19456", "1", False)],
)
def test_password_hashes_are_never_cheap(memory: str, passes: str, sound: bool) -> None:
    environ = {"STILLROOM_ARGON2_MEMORY": memory, "STILLROOM_ARGON2_TIME": passes}
    if sound:
        assert Settings.from_environment(environ).argon2_memory == int(memory)
    else:
        assert "too little" in mistakes(**environ)[0]


@pytest.mark.parametrize(
    "host, public",
    [("127.0.0.1", False), ("::1", False), ("localhost", False), ("127.8.8.8", False), ("0.0.0.0", True), ("::", True), ("web1", True)],
)
def test_what_other_machines_can_reach_is_public(host: str, public: bool) -> None:
    assert Settings.from_environment({"STILLROOM_HOST": host}).is_public is public


def test_flask_debug_is_refused_where_others_can_reach_it() -> None:
    assert "FLASK_DEBUG" in mistakes(STILLROOM_HOST="0.0.0.0", FLASK_DEBUG="1")[0]
    assert Settings.from_environment({"STILLROOM_HOST": "0.0.0.0", "FLASK_DEBUG": "0"}).is_public
    assert not Settings.from_environment({"FLASK_DEBUG": "1"}).is_public


def test_the_documentation_lists_every_setting_with_its_default() -> None:
    text = (Path(__file__).parents[2] / "docs" / "settings.md").read_text(encoding="utf-8")
    for each in documented():
        assert f"| `{each['name']}` | {each['meaning']} | {each['shown']} | `{each['example']}` |" in text


def test_every_example_but_the_secret_is_a_value_of_its_setting() -> None:
    examples = {each["name"]: each["example"] for each in documented()}
    # What is missed without the other.
    together = [
        {"STILLROOM_TLS_CERTIFICATE", "STILLROOM_TLS_KEY"},
        {"STILLROOM_FILES_URL", "STILLROOM_FILES_ACCESS_KEY", "STILLROOM_FILES_SECRET", "STILLROOM_FILES_SERVED"},
    ]
    for name in examples.keys() - {"STILLROOM_SECRET_KEY"}:
        beside = {other: examples[other] for group in together if name in group for other in group}
        assert Settings.from_environment({"STILLROOM_SECRET_KEY": SECRET, name: examples[name], **beside})
