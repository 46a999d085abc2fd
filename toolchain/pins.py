"""The versions of the programs this project is tested with.

Knows numbers. Refuses to know where the programs come from. The versions of the Go modules they are built
from stand in go/*/go.mod, those of the Python packages in pyproject.toml; a test holds all three together.
"""

PULUMI = "3.250.0"
PLUGINS = {"command": "1.2.1", "libvirt": "0.4.8"}

GO_OLDEST = "1.25.11"  # what the Pulumi CLI's go.mod asks for
GO_FETCHED = "1.26.8"  # what is fetched where there is no such Go
