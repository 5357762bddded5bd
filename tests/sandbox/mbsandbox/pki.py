"""A certificate authority for one run, made with the openssl command.

Everything is made when first asked for: most runs need one authority, one
server certificate and one signing key, and each openssl call costs time.
TLS keys are P-256 because they are quick to make; keys that sign tokens or
assertions are RSA because Entra knows nothing else.
"""

import hashlib
import os
import subprocess
import threading
from pathlib import Path

from .jwt import pem_body

SERVER_NAMES = "DNS:localhost,IP:127.0.0.1"


def openssl(*arguments: str, text: str = "") -> str:
    """Run openssl, return what it prints, raise with its words if it fails."""
    done = subprocess.run(("openssl",) + arguments, input=text, text=True,
                          capture_output=True,
                          env=dict(os.environ, OPENSSL_CONF="/dev/null"))
    if done.returncode:
        raise RuntimeError("openssl %s: %s" % (arguments[0], done.stderr))
    return done.stdout


class Authority:
    """A root certificate, and what it signs, below one directory."""

    def __init__(self, directory: Path, name: str = "Sandbox Root CA"):
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.name = name
        self.certificate = directory / "ca.pem"
        self.key = directory / "ca.key"
        self._lock = threading.Lock()
        self._make_root()

    def _make_root(self) -> None:
        self._config("root.cnf",
                     "[dn]\n[ext]\nbasicConstraints=critical,CA:true\n"
                     "keyUsage=critical,keyCertSign,cRLSign\n"
                     "subjectKeyIdentifier=hash\n")
        self._quiet("req", "-x509", "-newkey", "ec",
                    "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-keyout", str(self.key), "-out", str(self.certificate),
                    "-days", "30", "-subj", "/CN=" + self.name,
                    "-config", str(self.directory / "root.cnf"),
                    "-extensions", "ext")

    def hashed_directory(self, directory: Path) -> Path:
        """A directory as X509_LOOKUP_hash_dir wants it: HASH.0 -> the root."""
        directory.mkdir(exist_ok=True)
        digest = openssl("x509", "-in", str(self.certificate),
                         "-noout", "-hash").strip()
        link = directory / (digest + ".0")
        if not link.exists():
            link.write_bytes(self.certificate.read_bytes())
        return directory

    def server(self, kind: str = "good") -> tuple[Path, Path]:
        """(chain, key) of a server certificate.

        kind: good, wrong-name, expired, self-signed, unknown-ca.
        """
        chain, key = (self.directory / (kind + end)
                      for end in (".pem", ".key"))
        with self._lock:
            if not chain.exists():
                self._make_server(kind, chain, key)
        return chain, key

    def _make_server(self, kind: str, chain: Path, key: Path) -> None:
        if kind == "unknown-ca":
            other = Authority(self.directory / "other", "Unknown Root CA")
            made, made_key = other.server()
            key.write_bytes(made_key.read_bytes())
            chain.write_bytes(made.read_bytes())
            return
        names = "DNS:mail.example.net" if kind == "wrong-name" \
            else SERVER_NAMES
        # The CN is not a host name on purpose: a client has to look at the
        # subject alternative names (exchange-online.md 1.3).
        self._config("server.cnf",
                     "[dn]\n[ext]\nbasicConstraints=CA:false\n"
                     "keyUsage=digitalSignature\nextendedKeyUsage=serverAuth\n"
                     "subjectAltName=%s\n" % names)
        common = ("req", "-newkey", "ec", "-pkeyopt",
                  "ec_paramgen_curve:P-256", "-nodes", "-keyout", str(key),
                  "-subj", "/O=Sandbox/CN=outlook.com",
                  "-config", str(self.directory / "server.cnf"))
        unfinished = chain.with_suffix(".part")
        if kind == "self-signed":
            self._quiet(*common, "-x509", "-days", "30", "-extensions", "ext",
                        "-out", str(unfinished))
        else:
            request = chain.with_suffix(".csr")
            self._quiet(*common, "-out", str(request))
            self._sign(request, unfinished, expired=kind == "expired")
        unfinished.rename(chain)

    def _sign(self, request: Path, certificate: Path, expired: bool) -> None:
        # `openssl x509` of 3.0 cannot set a start date; a negative number of
        # days is its way to an end date in the past.
        self._quiet("x509", "-req", "-in", str(request),
                    "-CA", str(self.certificate), "-CAkey", str(self.key),
                    "-set_serial", str(int.from_bytes(os.urandom(8), "big")),
                    "-days", "-1" if expired else "30",
                    "-extfile", str(self.directory / "server.cnf"),
                    "-extensions", "ext", "-out", str(certificate))

    def _config(self, name: str, text: str) -> None:
        (self.directory / name).write_text(
            "[req]\ndistinguished_name=dn\nprompt=no\n" + text)

    @staticmethod
    def _quiet(*arguments: str) -> None:
        openssl(*arguments)


def rsa_key(path: Path, bits: int = 2048) -> Path:
    """Make an RSA private key (PKCS #8, mode 0600) unless it is there."""
    if not path.exists():
        openssl("genpkey", "-algorithm", "RSA", "-pkeyopt",
                "rsa_keygen_bits:%d" % bits, "-out", str(path))
        path.chmod(0o600)
    return path


def app_certificate(path: Path, name: str = "mailbearer", days: int = 365,
                    bits: int = 2048) -> Path:
    """A self-signed certificate and its key in one PEM file, for an app."""
    key = rsa_key(path.with_suffix(".key"), bits)
    certificate = openssl("req", "-x509", "-new", "-key", str(key), "-days",
                          str(days), "-subj", "/CN=" + name,
                          "-config", "/dev/stdin",
                          text="[req]\ndistinguished_name=dn\n[dn]\n")
    path.touch(mode=0o600)
    path.write_text(key.read_text() + certificate)
    return path


def public_key_pem(certificate_pem: str) -> str:
    return openssl("x509", "-noout", "-pubkey", text=certificate_pem)


def thumbprint(certificate_pem: str, algorithm: str) -> bytes:
    """SHA-1 (x5t) or SHA-256 (x5t#S256) of the certificate's DER."""
    return hashlib.new(algorithm, pem_body(certificate_pem,
                                           "CERTIFICATE")).digest()
