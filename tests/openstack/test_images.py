"""A user's own images, by the stock client: created, uploaded, booted, saved, deleted."""

import hashlib
import json
from pathlib import Path

import pytest

from tests.openstack.conftest import User

pytestmark = pytest.mark.openstack


async def test_a_users_image_is_uploaded_booted_and_deleted(demo: User, tmp_path: Path) -> None:
    content = bytes(range(256)) * 1024
    (tmp_path / "disk.img").write_bytes(content)
    created = await demo.json(
        f"image create --file {tmp_path}/disk.img --disk-format qcow2 --container-format bare --property os=tiny own"
    )
    assert created["name"] == "own"
    shown = await demo.json("image show own")
    assert (shown["status"], shown["size"], shown["visibility"]) == ("active", len(content), "shared")
    assert shown["checksum"] == hashlib.md5(content, usedforsecurity=False).hexdigest()
    assert "tiny" in json.dumps(shown["properties"])

    server = await demo.json("server create --image own --flavor m1.tiny --network private on-own --wait")
    assert (server["status"], server["image"]) == ("ACTIVE", f"own ({shown['id']})")
    await demo("server delete --wait on-own")

    await demo("image set --name mine own")
    await demo(f"image save --file {tmp_path}/saved.img mine")
    assert (tmp_path / "saved.img").read_bytes() == content
    await demo("image delete mine")
    assert "mine" in await demo.refused("image show mine")
