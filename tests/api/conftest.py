"""`client` is a Flask client over the whole application; `backend` is what it speaks to, in memory."""

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from app import testing
from domain.actor import SYSTEM

ADMIN = {"email": "ann@example.org", "password": "correct horse battery"}


@pytest.fixture
def backend() -> Iterator[testing.TestBackend]:
    with testing.backend() as room:
        yield room


@pytest.fixture
def client(backend: testing.TestBackend) -> FlaskClient:
    return testing.client(backend)


@pytest.fixture
def admin(backend: testing.TestBackend, client: FlaskClient) -> dict[str, str]:
    """The headers of an admin."""
    backend.accounts.create_admin(ADMIN["email"], ADMIN["password"])
    answer = client.post("/api/v1/auth/_admins/sign-in", json={"identity": ADMIN["email"], "password": ADMIN["password"]})
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return {"Authorization": f"Bearer {answer.get_json()['access_token']}"}


@pytest.fixture
def collection(backend: testing.TestBackend):
    """`collection("posts", fields=[…], rules={…})` makes one."""

    def make(name: str, **definition):
        return backend.collections.create({"name": name, **definition}, actor=SYSTEM)

    return make
