"""Full-text search: what a text asks for, how well a record answers it, and how that is shown."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape

from domain.errors import Invalid, invalid
from domain.records.reading import RANK, Search, SortKey
from domain.records.visibility import Sight
from domain.rules.tree import Path
from domain.schema.collection import Collection
from domain.schema.fields import RichTextField
from domain.schema.fields.markup import text_of
from domain.schema.kinds import Kind
from domain.schema.words import RUNS, SKELETONS, Word, joined, wanted_words

MAX_CHARACTERS, MAX_WORDS = 500, 20
# Of a whole word and of the beginning of one, where it is the first of the field; one less for each character before it.
WHOLE, BEGUN, FARTHEST = 2000, 1000, 999
# Snippets are made from so much of a field, and from so much of a page.
_READ, _READ_OF_PAGE = 20_000, 400_000
_BEFORE, _SHOWN = 60, 220


def search_of(collection: Collection, sight: Sight, text: str) -> Search:
    """What to look for and where: in what of the searchable fields the asker may see."""
    names = tuple(each.name for each in collection.fields if "words" in each.forms and each.name in sight.names)
    if not names:
        raise invalid("search", "not_searchable", f"`{collection.name}` has no searchable fields", hint="use `filter`")
    if len(text) > MAX_CHARACTERS:
        raise _beyond(f"{MAX_CHARACTERS} characters")
    words = wanted_words(text)
    if not words:
        raise invalid("search", "invalid_search", "there is no word to look for", hint="a word has letters or digits")
    if len(words) > MAX_WORDS:
        raise _beyond(f"{MAX_WORDS} words")
    return Search(names, words, sight.masks.of(names))


def by_rank(collection: Collection, order: tuple[SortKey, ...]) -> tuple[SortKey, ...]:
    """The best first, of equal ones the newest (ids grow with time); for a list that says no order of its own."""
    rank = SortKey(Path(RANK, Kind.INTEGER, collection.name), descending=True)
    return (rank, *(SortKey(key.path, descending=True) for key in order))


def rank(kept: Sequence[str | None], words: Sequence[Word]) -> int:
    """How well a record answers, from the kept words of the fields that are searched: the measure for both engines. 0 where a word
    is in none of them."""
    scores = [[_score(f" {each} ", word) for each in kept if each is not None] for word in words]
    return sum(sum(each) for each in scores) if all(any(each) for each in scores) else 0


def _score(kept: str, word: Word) -> int:
    whole = kept.find(f" {word.text} ")
    if whole >= 0:
        return WHOLE - min(whole, FARTHEST)
    begun = kept.find(f" {word.text}") if word.open else -1
    return BEGUN - min(begun, FARTHEST) if begun >= 0 else 0


def snippets(collection: Collection, search: Search, rows: Sequence[Mapping[str, str | None]]) -> list[dict[str, str]]:
    """For each row, by field, where the words stand, as HTML: the text is escaped, the words are in `<mark>`."""
    left = _READ_OF_PAGE
    found: list[dict[str, str]] = []
    for row in rows:
        shown: dict[str, str] = {}
        for name in search.fields:
            text = row[name] or ""
            text = text_of(text) if isinstance(collection.every_field[name], RichTextField) else text
            text = text[: min(_READ, left)]
            left -= len(text)
            spans = list(_spans(text, search.words))
            if spans:
                shown[name] = _snippet(text, spans)
        found.append(shown)
    return found


def _spans(text: str, words: Sequence[Word]) -> Iterator[tuple[int, int]]:
    """The places of the words in the text as it was written."""
    pieces = [SKELETONS[ord(each)] for each in text]
    places = [at for at, piece in enumerate(pieces) for _ in piece]
    places.append(len(text))
    for run in RUNS.finditer("".join(pieces)):
        if run[1] is None:
            if any(_is_meant(joined(run[0]), word) for word in words):
                yield places[run.start()], places[run.end()]
        else:
            yield from _spans_unspaced(run[1], run.start(), places, words)


def _spans_unspaced(run: str, start: int, places: Sequence[int], words: Sequence[Word]) -> Iterator[tuple[int, int]]:
    marked = [False] * len(run)
    for word in words:
        at = run.find(word.text)
        while at >= 0:
            marked[at : at + len(word.text)] = [True] * len(word.text)
            at = run.find(word.text, at + 1)
    at = 0
    while at < len(run):
        end = at
        while end < len(run) and marked[end]:
            end += 1
        if end > at:
            yield places[start + at], places[start + end]
        at = end + 1


def _is_meant(found: str, word: Word) -> bool:
    return found.startswith(word.text) if word.open else found == word.text


def _snippet(text: str, spans: Sequence[tuple[int, int]]) -> str:
    """A piece of the text around the first place."""
    start = spans[0][0] - _BEFORE
    start = 0 if start <= 0 else (text.find(" ", start, spans[0][0]) + 1 or spans[0][0])
    end = min(len(text), max(start + _SHOWN, spans[0][1]))
    if end < len(text):
        end = max(text.rfind(" ", spans[0][1], end), spans[0][1]) if text.rfind(" ", spans[0][1], end) > 0 else end
    parts, at = ["…" if start else ""], start
    for first, behind in spans:
        if behind > end:
            break
        parts += [escape(text[at:first]), "<mark>", escape(text[first:behind]), "</mark>"]
        at = behind
    parts += [escape(text[at:end]), "…" if end < len(text) else ""]
    return " ".join("".join(parts).split())


def _beyond(limit: str) -> Invalid:
    return invalid("search", "limit_exceeded", f"a search text has at most {limit}")
