"""The words of a text as search sees them: the same whatever the database, made in Python when a text is written and when it is asked for.

Case, accents and compatibility forms do not count, in any script. Nothing but letters and digits is left, so that no engine can
split a word again, and none of them has to.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

# Longer ones are known by their beginning.
MAX_WORD = 64
# PostgreSQL keeps at most 1 MiB of words for one text.
MAX_WORDS_BYTES = 500_000
_KNOWN_CHARACTERS = 50_000

# Scripts that write without spaces: Thai to Lao, Myanmar, Khmer, kana, Han.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff"
RUNS = re.compile(f"([{_UNSPACED}]+)|[^\\W_{_UNSPACED}]+")


class _Skeletons(dict[int, str]):
    """What is left of a character; learnt as characters come, for `str.translate`."""

    def __missing__(self, point: int) -> str:
        folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", chr(point)).casefold())
        left = "".join(each for each in folded if not unicodedata.category(each).startswith("M"))
        if len(self) < _KNOWN_CHARACTERS:
            self[point] = left
        return left


SKELETONS = _Skeletons()


def skeleton(text: str) -> str:
    return text.lower() if text.isascii() else text.translate(SKELETONS)


@dataclass(frozen=True, slots=True)
class Word:
    """A word to look for; one that is `open` may go on, as the last one does while somebody types it."""

    text: str
    open: bool = False


def joined(run: str) -> str:
    """What decomposition took apart and is one letter (Hangul), together again."""
    return (run if run.isascii() else unicodedata.normalize("NFC", run))[:MAX_WORD]


def words_of(text: str) -> Iterator[str]:
    """In the order of the text. Where there are no spaces, each two neighbours are a word, and the last character by itself."""
    for run in RUNS.finditer(skeleton(text)):
        if run[1] is None:
            yield joined(run[0])
        else:
            yield from (run[1][at : at + 2] for at in range(len(run[1])))


def kept_words(text: str) -> str | None:
    """What is kept of a text: each of its words once, with a space between; None where it has none."""
    words = dict.fromkeys(words_of(text))
    kept = " ".join(words)
    if len(kept) * 4 > MAX_WORDS_BYTES:
        kept = kept.encode()[:MAX_WORDS_BYTES].decode(errors="ignore").rpartition(" ")[0] or kept[:MAX_WORD]
    return kept or None


def wanted_words(text: str) -> tuple[Word, ...]:
    """The words of what somebody looks for, each once. The last one may go on where the text ends with it."""
    left = skeleton(text)
    wanted: dict[str, Word] = {}
    for run in RUNS.finditer(left):
        is_last = run.end() == len(left)
        if run[1] is None:
            found = [Word(joined(run[0]), is_last)]
        elif len(run[1]) == 1:
            found = [Word(run[1], True)]
        else:
            found = [Word(run[1][at : at + 2]) for at in range(len(run[1]) - 1)]
        for word in found:
            known = wanted.get(word.text)
            wanted[word.text] = word if known is None else Word(word.text, word.open and known.open)
    return tuple(wanted.values())
