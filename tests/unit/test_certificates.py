"""Wrong certificate files are told before the server starts, each as a sentence about its own setting."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import PrivateFormat

from app.certificates import check_certificate, warnings
from app.premises import StartRefused
from app.settings import Settings, SettingsError
from tests.certificates import certificate, curve_key, key_file, rsa_key

KEY = curve_key()


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    return certificate(tmp_path / "chain.pem", KEY)


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return key_file(tmp_path / "key.pem", KEY)


def refused(chain: Path, key: Path) -> str:
    with pytest.raises(StartRefused) as caught:
        check_certificate(Settings(tls_certificate=chain, tls_key=key))
    return str(caught.value)


@pytest.mark.parametrize("make", [curve_key, rsa_key])
@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
def test_keys_of_both_kinds_and_forms_are_taken(tmp_path, make, form):
    made = make()
    settings = Settings(tls_certificate=certificate(tmp_path / "c", made), tls_key=key_file(tmp_path / "k", made, form))
    check_certificate(settings)
    assert warnings(settings) == []


def test_nothing_is_asked_without_one():
    check_certificate(Settings())
    assert warnings(Settings()) == []


def test_wrong_files_are_told(tmp_path, chain, key):
    assert "STILLROOM_TLS_CERTIFICATE" in refused(tmp_path / "none", key)
    assert "cannot be read: No such file" in refused(tmp_path / "none", key)
    assert "STILLROOM_TLS_KEY" in refused(chain, tmp_path / "none")
    assert "no certificate in PEM" in refused(key, key)
    assert "no private key in PEM" in refused(chain, chain)
    assert "is not the key of the first certificate" in refused(chain, key_file(tmp_path / "other", curve_key()))
    locked = key_file(tmp_path / "locked", KEY, password=b"abcd")
    assert "locked by a password" in refused(chain, locked)


@pytest.mark.parametrize(
    "begins, ends, said", [(-90, -1, "expired on"), (2, 90, "is good from"), (-80, 10, "expires on"), (-1, 15, None)]
)
def test_a_certificate_out_of_time_is_warned_of(tmp_path, key, begins, ends, said):
    settings = Settings(tls_certificate=certificate(tmp_path / "c", KEY, begins=begins, ends=ends), tls_key=key)
    check_certificate(settings)
    found = warnings(settings)
    assert (said is None and found == []) or (said in found[0] and str(datetime.now(UTC).year)[:2] in found[0])


def test_what_does_not_go_together_is_told():
    for alone in ("STILLROOM_TLS_CERTIFICATE", "STILLROOM_TLS_KEY"):
        with pytest.raises(SettingsError, match="go together"):
            Settings.from_environment({alone: "x.pem"})
    both = {"STILLROOM_TLS_CERTIFICATE": "c.pem", "STILLROOM_TLS_KEY": "k.pem"}
    with pytest.raises(SettingsError, match="clients come by https"):
        Settings.from_environment({**both, "STILLROOM_PUBLIC_URL": "http://api.example.org"})
    assert Settings.from_environment(both).url == "https://127.0.0.1:8000"
