"""docs/oauth-providers.md says of each preset what the code does."""

import re
from pathlib import Path

from domain.accounts.presets import BASIC, POST, PRESETS, SIGNED

PAGE = (Path(__file__).parents[2] / "docs" / "oauth-providers.md").read_text(encoding="utf-8")
SECRETS = {POST: "in the form", BASIC: "in a header", SIGNED: "a token that we sign"}


def test_every_preset_has_its_row() -> None:
    rows = [line for line in PAGE.splitlines() if re.match(r"\| `[a-z]+` \|", line)]
    told = [
        f"| `{preset.name}` | `{preset.issuer}` | {'its API' if preset.known else 'id token'} "
        f"| {', '.join(f'`{scope}`' for scope in preset.scopes)} | {SECRETS[preset.secret]} |"
        for preset in PRESETS.values()
    ]
    assert rows == told


def test_every_quirk_is_told_with_the_providers_own_page() -> None:
    sections = dict(re.findall(r"### `([a-z]+)`\n\n(.*?)(?=\n##)", PAGE, re.DOTALL))
    assert set(sections) == set(PRESETS)
    for name, preset in PRESETS.items():
        assert re.findall(r"^- (.*)$", sections[name], re.MULTILINE) == list(preset.quirks), name
        assert f"Its own words: <{preset.documented}>" in sections[name], name


def test_those_that_are_asked_where_they_are_are_named() -> None:
    line = next(line for line in PAGE.splitlines() if "publish where their endpoints" in line)
    assert re.findall(r"`([a-z]+)`", line) == [name for name, preset in PRESETS.items() if preset.known is None]
