"""Provides what the project needs on the operator's computer, and drives it for `make`."""
