"""The marks of formats, by the tables of puremagic. Only its tables are asked: its deeper looks open archives and documents, which is
more than the beginning of a file from a stranger deserves."""

import puremagic


class PuremagicContents:
    """Keeps ports.contents.Contents."""

    def type_of(self, head: bytes) -> str | None:
        try:
            found = puremagic.magic_string(head)
        except (puremagic.PureError, ValueError):
            return None
        return next((each.mime_type for each in found if each.mime_type), None)
