"""How hypothesis runs here: the same examples every time, no deadline (shared processors stall), no files left behind."""

import hypothesis

hypothesis.settings.register_profile("unit", derandomize=True, deadline=None, database=None, max_examples=60)
hypothesis.settings.load_profile("unit")
