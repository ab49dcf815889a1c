"""The API's own promise: what the last release's document said is still so, whatever was added."""

import copy
import json

from app.factory import API, create_app
from app.testing import backend
from domain.compatibility.compare import breaks, compared
from domain.compatibility.documents import Document
from domain.compatibility.findings import Weight
from tests.e2e.server import ROOT

RELEASED = json.loads((ROOT / "docs" / "dev" / "released-openapi.json").read_text(encoding="utf-8"))


def present():
    with backend() as inside:
        return create_app(backend=inside).extensions[API].generic()


def test_no_client_of_the_last_release_is_broken():
    found = compared(Document(RELEASED), Document(json.loads(json.dumps(present()))))
    assert [each.as_object() for each in found if each.weight is Weight.BREAKS] == []


def test_a_break_would_be_seen():
    broken = copy.deepcopy(RELEASED)
    del broken["paths"]["/api/v1/auth/{c}/sign-in"]
    assert breaks(compared(Document(RELEASED), Document(broken)))
