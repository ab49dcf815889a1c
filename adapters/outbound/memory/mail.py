"""A mailer that keeps what it is given, for tests to read."""

from ports.mail import Letter, NotSent


class MemoryMailer:
    """`failing` is raised instead, while it is set."""

    def __init__(self) -> None:
        self.letters: list[Letter] = []
        self.failing: NotSent | None = None

    def send(self, letter: Letter) -> None:
        if self.failing is not None:
            raise self.failing
        self.letters.append(letter)
