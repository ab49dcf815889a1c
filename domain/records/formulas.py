"""Texts that a spreadsheet would run instead of showing: how they stand in CSV, and how they are read back from there."""

import re

# What begins a formula (OWASP: CSV injection), with the wide forms that Asian spreadsheets take for the same. An apostrophe makes a
# spreadsheet show the cell as text. One that stands there already is part of the text, so those before such a beginning are counted in:
# what was guarded once is read back as exactly what it was.
_RUN = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")


def guarded(text: str) -> str:
    return f"'{text}" if _RUN.match(text) else text


def unguarded(text: str) -> str:
    return text[1:] if text.startswith("'") and _RUN.match(text) else text
