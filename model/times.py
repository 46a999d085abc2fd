"""How much longer things may take on an emulated machine."""

_EMULATED = 5


def patience(emulated: bool) -> int:
    """The factor that every time limit is stretched by."""
    return _EMULATED if emulated else 1
