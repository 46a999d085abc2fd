"""What metrics need is checked before it is put in place, as a whole or not at all."""

import hashlib
from pathlib import Path
from typing import Any

from .stage_machine import Machine, refused


def plan(machine: Machine, arrived: bytes) -> dict[str, Any]:
    upload = machine.path("/home/admin/up/agent")
    upload.parent.mkdir(parents=True, exist_ok=True)
    upload.write_bytes(arrived)
    piece = {
        "upload": "up/agent",
        "sha512": hashlib.sha512(b"one").hexdigest(),
        "path": str(machine.path("/lib/agent")),
    }
    return {"node": "n1", "stage": "installed", "login": "admin", "pieces": [piece]}


def test_a_piece_is_put_in_its_place(machine: Machine) -> None:
    told = plan(machine, b"one")
    program, place = machine.load("tools", "pieces", "installed"), Path(told["pieces"][0]["path"])
    program["ensure_pieces"](told)
    assert place.read_bytes() == b"one"
    assert place.stat().st_mode & 0o777 == 0o755
    machine.path("/home/admin/up/agent").unlink()
    program["ensure_pieces"](told)  # what is there needs no upload


def test_what_arrived_damaged_is_not_used(machine: Machine) -> None:
    told = plan(machine, b"on")
    said = refused(machine.load("tools", "pieces", "installed"), "ensure_pieces", told)
    assert hashlib.sha512(b"on").hexdigest() in said, "it is the upload that was looked at"
    assert not machine.path("/lib/agent").exists()
