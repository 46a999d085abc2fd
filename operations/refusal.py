"""What every verb may end with: something that can't be done, told in its own words.

A module of its own, so that a verb need not load what the other verbs are made of.
"""


class Refusal(Exception):
    """The text is for a person, and needs no traceback."""
