"""Forms by which a browser sends one file straight to S3, or what speaks like it: POST policies, signed by Signature Version 4
(https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-authentication-HTTPPOST.html).

Five HMACs and a JSON text: the libraries that know them bring a client of their own along, of 14 MB or with a cryptography of its own, and
obstore, which asks the store of everything else, signs no forms. The published example holds it to the letter.
"""

import hmac
import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

_ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class Signer:
    access: str
    secret: str
    region: str

    def fields(self, bucket: str, fixed: Mapping[str, str], size: int, now: datetime, seconds: int) -> dict[str, str]:
        """The fields that go before the file. `fixed` may have no other value, and nothing else may be among them: S3 refuses a form with
        a field that its policy does not name, so no ACL, no redirect, no metadata."""
        day = f"{now:%Y%m%d}"
        signed = {
            **fixed,
            "x-amz-algorithm": _ALGORITHM,
            "x-amz-credential": f"{self.access}/{day}/{self.region}/s3/aws4_request",
            "x-amz-date": f"{now:%Y%m%dT%H%M%SZ}",
        }
        conditions: list[Any] = [{"bucket": bucket}, *({name: value} for name, value in signed.items())]
        conditions.append(["content-length-range", size, size])
        ends = f"{now + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S.000Z}"
        policy = b64encode(json.dumps({"expiration": ends, "conditions": conditions}).encode()).decode()
        return {**signed, "policy": policy, "x-amz-signature": self.signature(policy, day)}

    def signature(self, policy: str, day: str) -> str:
        key = f"AWS4{self.secret}".encode()
        for part in (day, self.region, "s3", "aws4_request"):
            key = hmac.digest(key, part.encode(), sha256)
        return hmac.new(key, policy.encode(), sha256).hexdigest()
