"""The sanitizer port on nh3 (ammonia): an allow-list of what formatted text needs, everything else goes."""

from functools import cached_property
from typing import Any

TAGS = frozenset({
    "a", "abbr", "b", "blockquote", "br", "caption", "cite", "code", "dd", "del", "dfn", "div", "dl", "dt", "em", "figcaption", "figure",
    "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "ins", "kbd", "li", "mark", "ol", "p", "pre", "q", "s", "samp", "small",
    "span", "strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "time", "tr", "u", "ul", "var",
})  # fmt: skip
ATTRIBUTES = {
    "*": {"dir", "lang", "title"},
    "a": {"href"},
    "img": {"alt", "height", "src", "width"},
    "ol": {"start"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
    "time": {"datetime"},
}
# No `javascript:` and no `data:`: they run code or carry a document of their own.
SCHEMES = frozenset({"http", "https", "mailto", "tel"})
# What stands in these is no text of the person who wrote.
DROPPED_WHOLE = frozenset({"script", "style", "template", "noscript", "iframe", "object", "embed", "svg", "math"})


class Nh3Sanitizer:
    def clean(self, html: str) -> str:
        # Some markup settles only when it is read once more; what is stored must stay as it is when it is sent back.
        for _ in range(_PASSES):
            cleaned: str = self._cleaner.clean(html)
            if cleaned == html:
                break
            html = cleaned
        return html

    @cached_property
    def _cleaner(self) -> Any:
        import nh3  # not wanted by those who have no rich text

        return nh3.Cleaner(
            tags=set(TAGS), clean_content_tags=set(DROPPED_WHOLE), attributes=ATTRIBUTES, url_schemes=set(SCHEMES),
            strip_comments=True, link_rel="noopener noreferrer",
        )  # fmt: skip


_PASSES = 4
