"""An author's editor knows each event and the shape of its change: mypy, strict, over what is right and lines that are not."""

import subprocess
import sys

from domain.hooks.catalogue import CATALOGUE
from tests.e2e.server import ROOT

HEAD = '''
from stillroom import (
    AccountChange, Backend, Change, CollectionChange, Event, Extension, FactorChange, IdentityChange, InboundChange, InvitationChange,
    KeyChange,
    OwnKeyChange, ProviderChange, RecordCreate,
    RecordDelete, RecordImport, RecordUpdate, ScheduleChange, TrashChange,
    WebhookChange,
)
blog = Extension("blog")
size = blog.setting("size", int, 3)
'''
RIGHT = '''
@blog.before("{event}")
def before_{name}(change: {shape}, backend: Backend) -> None: ...
@blog.after("{event}")
def after_{name}(event: Event, backend: Backend) -> None: ...
'''
USE = '''
@blog.before("records.update", collection="posts", name="more", priority=3)
def more(change: RecordUpdate, backend: Backend) -> None:
    change.values["title"] = change.record["title"] + change.actor.id
larger: int = size.value + 1
'''
WRONG = {
    'blog.before("records.crate")': "call-overload",
    'blog.after("records.crate")': "arg-type",
    'blog.before("records.delete")(more)': "arg-type",
    'blog.before("records.create", priority="first")': "call-overload",
    'blog.before("api_keys.create", collection="posts")': "call-overload",
    "RecordDelete(event='records.delete', id='1', record={}).values": "attr-defined",
    "wrong: str = size.value": "assignment",
    'blog.setting("size", int, "three")': "",
}


def test_every_event_is_typed_and_what_is_wrong_is_told(tmp_path):
    named = [(event, event.replace(".", "_"), kind.shape.__name__) for event, kind in CATALOGUE.items()]
    right = HEAD + "".join(RIGHT.format(event=event, name=name, shape=shape) for event, name, shape in named)
    text = right + USE + "\n".join(WRONG) + "\n"
    begins = (right + USE).count("\n") + 1
    (tmp_path / "sample.py").write_text(text, encoding="utf-8")
    options = ["--strict", "--follow-imports=silent", "--config-file=", "--cache-dir", str(tmp_path / "cache"), "--explicit-package-bases"]
    command = [sys.executable, "-m", "mypy", *options, str(tmp_path / "sample.py")]
    done = subprocess.run(command, cwd=ROOT, env={"MYPYPATH": str(ROOT), "PATH": ""}, capture_output=True, text=True, timeout=110)
    told = {int(line.split(":")[1]): line for line in done.stdout.splitlines() if ": error: " in line}
    assert sorted(told) == [begins + at for at in range(len(WRONG))], done.stdout + done.stderr
    for (line, code), message in zip(WRONG.items(), (told[each] for each in sorted(told)), strict=True):
        assert code in message, line
