"""The application as it is often written: no hash where there is no account, and no letter noted. The control of what times tell."""

from adapters.outbound.argon2_passwords import Argon2Passwords
from app import create_app
from app.usecases.proofs import ProofUseCases
from domain.schema.fields.text import email_key

_put, _verify = ProofUseCases._put, Argon2Passwords.verify


def _put_for_accounts(self, stores, collection, wish):
    if stores.accounts.credentials(collection, email_key(wish.email)) is not None:
        _put(self, stores, collection, wish)


ProofUseCases._put = _put_for_accounts
Argon2Passwords.verify = lambda self, password, hashed: hashed is not None and _verify(self, password, hashed)

app = create_app()
