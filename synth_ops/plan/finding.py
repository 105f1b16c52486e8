"""What the values of a column say of persons, in words that quote none of them."""

from typing import Literal

from synth_ops.records import Record


class Finding(Record):
    """One column whose values look personal, and what should become of it."""

    looks_like: str
    """In the plural: ``e-mail addresses``."""
    share: float
    """Of the different values that were looked at, 0 to 1."""
    fate: Literal["fake", "mint", "null"]
    provider: str | None = None
    """Of a fake."""

    @property
    def reason(self) -> str:
        """Say why, as a plan does.

        >>> Finding(looks_like="e-mail addresses", share=0.8, fate="fake", provider="email").reason
        '80% of its values look like e-mail addresses'
        """
        return f"{max(self.share, 0.01):.0%} of its values look like {self.looks_like}"

    @property
    def word(self) -> str:
        """Give what synth.yaml says of such a column.

        >>> Finding(looks_like="tokens", share=1, fate="mint").word
        '{mint: true}'
        """
        return f"{{fake: {self.provider}}}" if self.fate == "fake" else f"{{{self.fate}: true}}"
