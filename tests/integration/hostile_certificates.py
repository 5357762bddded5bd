"""Certificates that a hostile or careless server may show: one row each.

All names are for the host `localhost`, or nearly so."""
import collections
import pathlib
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(TOP / "tests" / "sandbox"))
from mbsandbox.pki import Authority, openssl  # noqa: E402

Kind = collections.namedtuple("Kind", "names options purpose",
                              defaults=((), "serverAuth"))
SERVER = "subjectAltName=DNS:localhost"


def names(*entries):
    """A subjectAltName as DER, for what the openssl command will not write:
    (2, octets) is a DNS name, (7, octets) an address (RFC 5280 4.2.1.6)."""
    inside = b"".join(bytes([0x80 | tag, len(octets)]) + octets
                      for tag, octets in entries)
    return "subjectAltName=DER:" + (bytes([0x30, len(inside)]) + inside).hex()


KINDS = {
    "good": Kind(SERVER),
    "revoked": Kind(SERVER),
    "wrong-name": Kind("subjectAltName=DNS:mail.example.net"),
    "expired": Kind(SERVER, ("-startdate", "20200101000000Z",
                             "-enddate", "20210101000000Z")),
    "not-yet": Kind(SERVER, ("-startdate", "20900101000000Z",
                             "-enddate", "20910101000000Z")),
    "for-clients": Kind(SERVER, (), "clientAuth"),
    "for-code": Kind(SERVER, (), "codeSigning"),
    "sha1": Kind(SERVER, ("-md", "sha1")),
    "name-in-subject-only": Kind(""),
    "name-with-nul": Kind(names((2, b"localhost\0.example.net"))),
    "name-before-nul": Kind(names((2, b"\0localhost"))),
    "name-with-escape": Kind(names((2, b"\x1b[2J\x1b]0;owned\x07"))),
    "name-with-newline": Kind(names((2, b"a\r\nhint: run rm -rf /"))),
    "name-longer": Kind("subjectAltName=DNS:localhost.example.net"),
    "name-shorter": Kind("subjectAltName=DNS:localhos"),
    "name-with-blank": Kind(names((2, b"localhost "))),
    "star": Kind("subjectAltName=DNS:*"),
    "star-before": Kind("subjectAltName=DNS:*host"),
    "star-after": Kind("subjectAltName=DNS:local*"),
    "star-below": Kind("subjectAltName=DNS:*.localhost"),
    "star-dot": Kind("subjectAltName=DNS:*."),
    "address-only": Kind("subjectAltName=IP:127.0.0.1"),
    "address-as-name": Kind("subjectAltName=DNS:127.0.0.1"),
    "other-address": Kind("subjectAltName=IP:127.0.0.2"),
    "mapped-address": Kind(names((7, bytes(10) + b"\xff\xff\x7f\0\0\1"))),
    "mail-name": Kind("subjectAltName=email:localhost@example.net,"
                      "URI:https://localhost/"),
    "many-names": Kind("subjectAltName=" + ",".join(
        f"DNS:n{n}.example.net" for n in range(1000))),
    "weak-key": Kind(SERVER),
    "self-signed": Kind(SERVER),
    "unknown-ca": Kind(SERVER),
    "from-a-leaf": Kind(SERVER),
    "unknown-critical": Kind(SERVER + "\n1.2.3.4.5=critical,DER:05:00"),
}


class Certificates:
    """A root, and all KINDS, below one directory."""

    def __init__(self, directory):
        self.root = Authority(directory / "root", "Hostile Root CA")
        self.other = Authority(directory / "other", "Unknown Root CA")
        self.directory = directory
        self.ca_file = str(self.root.certificate)
        (directory / "index").write_text("")
        (directory / "index.attr").write_text("unique_subject = no\n")
        for name, kind in KINDS.items():
            self.make(name, kind)

    def server(self, kind):
        """Paths of chain and key."""
        return tuple(str(self.directory / (kind + end))
                     for end in (".pem", ".key"))

    def dh_parameters(self, bits):
        path = self.directory / f"dh{bits}.pem"
        if not path.exists():
            openssl("dhparam", "-out", str(path), str(bits))
        return str(path)

    def revocation_list(self, kind):
        """The root and a list that revokes this one, in one PEM file."""
        path = self.directory / "root-and-crl.pem"
        root = ("-cert", self.ca_file, "-keyfile", str(self.root.key))
        self.ca(*root, "-revoke", self.server(kind)[0])
        self.ca(*root, "-gencrl", "-out", str(path))
        path.write_text(pathlib.Path(self.ca_file).read_text() +
                        path.read_text())
        return str(path)

    def ca(self, *arguments):
        openssl("ca", "-batch", "-config", str(self.directory / "ca.cnf"),
                *arguments)

    def issuer(self, name):
        if name == "self-signed":
            return ("-selfsign", "-keyfile", self.server(name)[1])
        certificate, key = {
            "unknown-ca": (self.other.certificate, self.other.key),
            "from-a-leaf": self.server("good"),
        }.get(name, (self.ca_file, self.root.key))
        return ("-cert", str(certificate), "-keyfile", str(key))

    def make(self, name, kind):
        certificate, key = self.server(name)
        request = str(self.directory / "request.pem")
        self.write_config(kind)
        new_key = ("rsa:1024",) if name == "weak-key" else (
            "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
        openssl("req", "-new", "-newkey", *new_key, "-nodes", "-config",
                str(self.directory / "ca.cnf"), "-keyout", key, "-out",
                request, "-subj", "/CN=localhost")
        self.ca(*self.issuer(name), "-notext", "-in", request, "-out",
                certificate, *kind.options)
        if name == "from-a-leaf":
            chain = pathlib.Path(self.server("good")[0]).read_text()
            with open(certificate, "a", encoding="ascii") as f:
                f.write(chain)

    def write_config(self, kind):
        here = self.directory
        (here / "ca.cnf").write_text(
            "[ca]\ndefault_ca=own\n[own]\n"
            f"database={here}/index\nnew_certs_dir={here}\nrand_serial=yes\n"
            "policy=any\nx509_extensions=ext\ndefault_crl_days=1\n"
            "default_days=7\ndefault_md=sha256\n"
            "[any]\ncommonName=supplied\n"
            "[req]\ndistinguished_name=dn\nprompt=no\n[dn]\n[ext]\n"
            "basicConstraints=CA:false\n"
            f"extendedKeyUsage={kind.purpose}\n{kind.names}\n")
