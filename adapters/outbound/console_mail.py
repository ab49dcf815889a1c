"""Letters on the terminal, for development: whoever runs the backend on their own machine reads there what would have been sent."""

import sys
from typing import TextIO

from ports.mail import Letter


class ConsoleMailer:
    """Links and codes stand there in clear, so it is chosen only where nobody but this machine is served."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream

    def send(self, letter: Letter) -> None:
        head = f"--- a letter to {letter.to} (development: it is not sent)\nSubject: {letter.subject}\n"
        print(head, letter.text.rstrip(), "---", sep="\n", file=self._stream or sys.stderr, flush=True)
