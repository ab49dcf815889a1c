"""The secrets that messages are signed with: made here, kept sealed, and told once."""

import secrets
from datetime import timedelta

from domain.webhooks.signatures import write_secret
from ports.seals import Sealing
from ports.webhooks import Secrets

_BYTES = 32
# For so long the one before signs as well: receivers have this time to learn the new one.
OVERLAP = timedelta(days=1)


class WebhookSecrets:
    def __init__(self, seal: Sealing) -> None:
        self._seal = seal

    def made(self, webhook: str) -> tuple[str, Secrets]:
        text = write_secret(secrets.token_bytes(_BYTES))
        return text, self.given(webhook, text)

    def renewed(self, webhook: str, before: Secrets, now: int) -> tuple[str, Secrets]:
        text, _ = self.made(webhook)
        return text, self.replaced(webhook, text, before, now)

    def given(self, webhook: str, text: str) -> Secrets:
        return Secrets(self._seal.close(text.encode(), about=_about(webhook)))

    def replaced(self, webhook: str, text: str, before: Secrets, now: int) -> Secrets:
        return Secrets(self.given(webhook, text).sealed, before.sealed, now + round(OVERLAP.total_seconds() * 1000))

    def signing(self, webhook: str, kept: Secrets, now: int) -> list[str]:
        """The newest first."""
        sealed = [kept.sealed] + ([kept.before] if kept.before is not None and now < kept.until else [])
        return [self._seal.open(each, about=_about(webhook)).decode() for each in sealed]


def _about(webhook: str) -> str:
    return f"the secret of webhook {webhook}"
