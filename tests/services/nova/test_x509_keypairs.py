"""Key pairs of type x509: certificates for Windows servers."""

import base64

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import pkcs12

from tests.conftest import RunningCloud

VERSION = {"X-OpenStack-Nova-API-Version": "2.10"}
PATH = "/v2.1/os-keypairs"


async def test_a_certificate_is_generated_and_can_be_imported_again(running_cloud: RunningCloud) -> None:
    demo = await running_cloud.api("demo")
    new = {"keypair": {"name": "win", "type": "x509"}}
    status, body = await demo("POST", "nova-api", PATH, json=new, headers=VERSION)
    made = body["keypair"]
    assert (status, made["type"]) == (201, "x509")
    certificate = x509.load_pem_x509_certificate(made["public_key"].encode())
    assert made["fingerprint"] == certificate.fingerprint(SHA1()).hex(":")  # noqa: S303 - nova's
    key, bundled, _ = pkcs12.load_key_and_certificates(base64.b64decode(made["private_key"]), None)
    assert key is not None
    assert (bundled, key.public_key()) == (certificate, certificate.public_key())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert f"{made['user_id']}@localhost".encode() in names.public_bytes()
    again = {"name": "again", "type": "x509", "public_key": made["public_key"]}
    status, body = await demo("POST", "nova-api", PATH, json={"keypair": again}, headers=VERSION)
    assert (status, body["keypair"]["fingerprint"]) == (201, made["fingerprint"])
    assert "private_key" not in body["keypair"]
    listed = (await demo("GET", "nova-api", PATH, headers=VERSION))[1]["keypairs"]
    assert [each["keypair"]["type"] for each in listed] == ["x509", "x509"]


async def test_an_empty_user_id_is_refused(running_cloud: RunningCloud) -> None:
    """A certificate cannot be made for nobody."""
    admin = await running_cloud.api()
    new = {"name": "win", "type": "x509", "user_id": ""}
    status, body = await admin("POST", "nova-api", PATH, json={"keypair": new}, headers=VERSION)
    assert status == 400
    assert "keypair.user_id" in body["badRequest"]["message"]


async def test_a_long_user_id_fits_into_a_certificate(running_cloud: RunningCloud) -> None:
    admin = await running_cloud.api()
    new = {"name": "win", "type": "x509", "user_id": "u" * 255}
    assert (await admin("POST", "nova-api", PATH, json={"keypair": new}, headers=VERSION))[0] == 201
