"""The operator's computer: what every tool on it needs. Knows none of the tools."""
