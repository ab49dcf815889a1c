"""The few lines of JavaScript that requests carry: what must be there before one is sent, and what must be true of its answer.

Names in them are of collections, whose letters mean nothing to JavaScript; nothing that an owner or a client wrote freely is put in.
"""

from collections.abc import Iterable
from typing import Any

Event = dict[str, Any]

# What a rule may answer. Who is no admin is not told which rules there are, so each request of theirs may meet one.
RULED_OUT = (401, 403, 404)


def before(lines: Iterable[str]) -> Event:
    return _event("prerequest", lines)


def after(lines: Iterable[str]) -> Event:
    return _event("test", lines)


def skip_without(variable: str) -> str:
    return f'if (!pm.variables.get("{variable}")) pm.execution.skipRequest();'


def answers(status: int, *, ruled: bool) -> str:
    """`ruled`: the rules may say no, and then nothing is wrong."""
    if not ruled:
        return f'pm.test("answers {status}", () => pm.response.to.have.status({status}));'
    accepted = ", ".join(str(each) for each in (status, *RULED_OUT))
    return f'pm.test("answers {status}, or a rule says no", () => pm.expect(pm.response.code).to.be.oneOf([{accepted}]));'


def keep(variable: str, path: str, status: int) -> str:
    return f'if (pm.response.code === {status}) pm.collectionVariables.set("{variable}", pm.response.json().{path});'


def keep_first(variable: str, path: str) -> str:
    """Only where nothing is kept under this name yet."""
    return f'if (!pm.variables.get("{variable}")) {keep(variable, path, 200)}'


def is_the_one(variable: str) -> str:
    same = f'pm.expect(pm.response.json().id).to.eql(pm.variables.get("{variable}"))'
    return f'if (pm.response.code === 200) pm.test("is the record", () => {same});'


def forget(variable: str, status: int) -> str:
    return f'if (pm.response.code === {status}) pm.collectionVariables.unset("{variable}");'


def fresh_account(collection: str) -> list[str]:
    """An address that nobody has, and a password that nobody knows: the account may be made on a server that others use."""
    return [
        f'pm.collectionVariables.set("{collection}_email", "{collection}-" + pm.variables.replaceIn("{{{{$guid}}}}") + "@example.org");',
        f'pm.collectionVariables.set("{collection}_password", pm.variables.replaceIn("{{{{$guid}}}}"));',
    ]


def _event(listen: str, lines: Iterable[str]) -> Event:
    return {"listen": listen, "script": {"type": "text/javascript", "exec": list(lines)}}
