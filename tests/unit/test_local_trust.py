"""A Java from a wheel trusts what the machine trusts."""

import shutil
import ssl
import subprocess

import pytest

from infra.local import trust


@pytest.fixture
def pem():
    found = trust.bundle()
    if found is None:
        pytest.skip("this machine has its certificates in no single PEM file")
    return found.read_text()


def test_the_named_bundle_comes_first(tmp_path):
    named = tmp_path / "own.pem"
    named.touch()
    assert trust.bundle({"SSL_CERT_FILE": str(named)}) == named


def test_java_itself_reads_the_store_and_finds_every_certificate(pem, tmp_path):
    keytool = shutil.which("keytool")
    if keytool is None:
        pytest.skip("no keytool on this machine")
    store = tmp_path / "machine.jks"
    store.write_bytes(trust.key_store(pem))
    command = [keytool, "-list", "-keystore", store, "-storepass", trust.PASSWORD, "-storetype", "JKS"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert told.count("trustedCertEntry") == pem.count("BEGIN CERTIFICATE") > 0


def test_text_between_certificates_is_passed_over(pem):
    first = pem[pem.index("-----BEGIN") : pem.index("-----END CERTIFICATE-----") + 25]
    commented = f"# an authority\n{first}\n# and nothing after it\n"
    assert ssl.PEM_cert_to_DER_cert(first) in trust.key_store(commented)
