"""Numbers with their word in the right form."""

from collections.abc import Sequence

from store.vocabulary import Language


def plural(n: int, forms: Sequence[str], language: Language) -> str:
    """The form that goes with a number: of two in English (`letter`, `letters`), of three in Russian (1, 2, 5)."""
    if language is Language.EN:
        return forms[0 if n == 1 else 1]
    one, few, many = forms
    tens, ones = n % 100, n % 10
    if ones == 1 and tens != 11:  # noqa: PLR2004 - 1, 21 … but not 11
        return one
    return few if ones in {2, 3, 4} and tens not in {12, 13, 14} else many
