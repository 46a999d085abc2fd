"""The package as a plugin: serves its schema and its component to the engine.

Knows where names, version and sentences stand in the checkout. Refuses to know what they mean.
"""

import sys
import tomllib
from pathlib import Path

import yaml
from pulumi.provider import main

from components.provider import PackageProvider

CHECKOUT = Path(__file__).resolve().parent.parent

if __name__ == "__main__":
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    keys = yaml.safe_load((CHECKOUT / "Pulumi.yaml").read_text(encoding="utf-8"))["config"]
    sentences = {name: " ".join(key["description"].split()) for name, key in keys.items()}
    main(PackageProvider(project["version"], sentences), sys.argv[1:])
