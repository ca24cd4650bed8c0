"""Cyrillic to Latin for headers, for gateways that know no other letters, in the spelling readers of Russian expect."""

_PAIRS = (
    "аa бb вv гg дd еe ёyo жzh зz иi йj кk лl мm нn оo пp рr сs тt уu фf хkh цts чch шsh щshch ъ ыy ь эe юyu яya"
    " іi їyi єye ґg ўu"
)
_TABLE = {
    **{ord(pair[0]): pair[1:] for pair in _PAIRS.split()},
    **{ord(pair[0].upper()): pair[1:].capitalize() for pair in _PAIRS.split()},
    ord("«"): '"',
    ord("»"): '"',
    ord("—"): "-",
    ord("–"): "-",
    ord("№"): "No",
    ord("…"): "...",
    0xA0: " ",
}


def transliterate(text: str) -> str:
    """The text in ASCII; what has no Latin likeness becomes `?`."""
    return text.translate(_TABLE).encode("ascii", "replace").decode("ascii")
