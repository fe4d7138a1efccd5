"""How error messages speak of JSON values: by kind, or quoted and cut short."""

QUOTED_MAX = 40
"""Characters of a client's value that an error message repeats."""


def name_of(value):
    """The kind of a decoded JSON value, with its article: "null", "a list", "an object"."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    names = {dict: "an object", list: "a list", str: "text", int: "a number", float: "a number"}
    return names.get(type(value), "not JSON")


def quote(value):
    """A text or number as an error message shows it: quoted, at most QUOTED_MAX characters."""
    if isinstance(value, int) and abs(value) >= 10**QUOTED_MAX:
        return "a number of too many digits"  # str() refuses integers of 4,300 digits and more
    text = str(value)
    return repr(text if len(text) <= QUOTED_MAX else text[:QUOTED_MAX] + "…")
