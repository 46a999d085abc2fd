"""Whether the live checks can fail: each is shown a machine on which the very thing it asks about is broken."""
