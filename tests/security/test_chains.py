"""Nothing is lost or made up in chains of writes, schema changes, undos, deletions and restores, and both engines answer alike."""

from collections import Counter

import pytest

from tests.security.chains import Chain
from tests.security.target import Target

# What has to have happened in the long form, or the chains prove nothing.
OCCURRING = (
    "change type 200", "change type 409 not_convertible", "undo 200", "undo 409", "restore 200", "restore 409", "cascaded", "delete 409",
)  # fmt: skip


def chained(both: tuple[Target, Target], seeds: range, steps: int) -> Counter[str]:
    seen = Counter[str]()
    for seed in seeds:
        chain = Chain(list(both), seed, seen)
        try:
            chain.run(steps)
        except AssertionError as found:
            raise AssertionError(f"seed {seed}: {found.args}; at the end of {chain.said[-6:]}") from found
        finally:
            chain.end()
    return seen


def test_nothing_is_lost_in_a_chain(both: tuple[Target, Target]) -> None:
    seen = chained(both, range(2), 12)
    assert any(each.startswith("change") and " 200" in each for each in seen)


@pytest.mark.long
def test_nothing_is_lost_in_many_chains(both: tuple[Target, Target]) -> None:
    seen = chained(both, range(2, 202), 60)
    print("\n".join(f"{count} {what}" for what, count in sorted(seen.items())))
    assert not [each for each in OCCURRING if not any(what.startswith(each) and count for what, count in seen.items())]
