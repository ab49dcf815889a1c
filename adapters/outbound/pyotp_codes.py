"""Codes of authenticator apps by pyotp. It takes one code as often as it is asked: that a step is used once is kept by the store."""

import hmac
from datetime import datetime

import pyotp

from domain.accounts.factors import STEP_SECONDS, STEPS_AROUND


class PyotpCodes:
    def seed(self) -> str:
        return pyotp.random_base32()

    def uri(self, seed: str, *, account: str, issuer: str) -> str:
        return pyotp.TOTP(seed).provisioning_uri(name=account, issuer_name=issuer)

    def step(self, seed: str, code: str, at: datetime) -> int | None:
        app, now = pyotp.TOTP(seed, interval=STEP_SECONDS), int(at.timestamp()) // STEP_SECONDS
        around = range(now - STEPS_AROUND, now + STEPS_AROUND + 1)
        # All are compared, whichever it is.
        found = [step for step in around if hmac.compare_digest(app.generate_otp(step), code)]
        return max(found, default=None)
