"""RSA signatures and JSON Web Tokens with nothing but pow().

The sandbox signs the tokens it issues (RS256) and verifies the client
assertions it is sent (RS256 or PS256).  Python's standard library has no
RSA, and a process per signature would be slow, so the few lines of
RFC 8017 that are needed stand here.  They are for a test double: nothing
is constant-time and no key outlives the run.
"""

import base64
import hashlib
import json
import re
from dataclasses import dataclass

# DigestInfo of SHA-256, RFC 8017 section 9.2, note 1.
SHA256_DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")


class BadToken(ValueError):
    """The text is no JWT, or its signature does not verify."""


def b64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def b64url_decode(text: str) -> bytes:
    """Decode base64url without padding, refusing every other character."""
    if not isinstance(text, str) or \
            not re.fullmatch(r"[A-Za-z0-9_-]*", text):
        raise BadToken("not base64url")
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError as error:
        raise BadToken("not base64url") from error


# ---------------------------------------------------------------- DER

def pem_body(pem: str, label: str = "") -> bytes:
    """The DER of the first PEM block whose label ends in `label`."""
    match = re.search(r"-----BEGIN ([A-Z0-9 ]*%s)-----(.*?)-----END \1-----"
                      % label, pem, re.S)
    if not match:
        raise ValueError("no PEM block %r" % label)
    return base64.b64decode(match.group(2))


def der_items(der: bytes) -> list[tuple[int, bytes]]:
    """Split the content of a DER sequence into (tag, content) pairs."""
    items, at = [], 0
    while at < len(der):
        tag, length, at = der[at], der[at + 1], at + 2
        if length & 0x80:
            octets = length & 0x7F
            length = int.from_bytes(der[at:at + octets], "big")
            at += octets
        items.append((tag, der[at:at + length]))
        at += length
    return items


def der_integers(sequence: bytes) -> list[int]:
    """The integers of a DER SEQUENCE OF INTEGER (an RSA key of PKCS #1)."""
    return [int.from_bytes(content, "big")
            for tag, content in der_items(der_items(sequence)[0][1])
            if tag == 0x02]


# ---------------------------------------------------------------- RSA

@dataclass(frozen=True)
class PublicKey:
    """An RSA public key."""
    modulus: int
    exponent: int

    @property
    def size(self) -> int:
        return (self.modulus.bit_length() + 7) // 8

    @classmethod
    def from_pem(cls, pem: str) -> "PublicKey":
        """Read a SubjectPublicKeyInfo, as `openssl x509 -pubkey` prints it."""
        (_, info), = der_items(pem_body(pem, "PUBLIC KEY"))
        bits = der_items(info)[1][1]
        modulus, exponent = der_integers(bits[1:])
        return cls(modulus, exponent)

    def verify(self, algorithm: str, message: bytes, signature: bytes) -> bool:
        if len(signature) != self.size:
            return False
        plain = pow(int.from_bytes(signature, "big"), self.exponent,
                    self.modulus).to_bytes(self.size, "big")
        if algorithm == "RS256":
            return plain == pkcs1_encode(message, self.size)
        if algorithm == "PS256":
            return pss_matches(message, plain, self.modulus.bit_length() - 1)
        return False


@dataclass(frozen=True)
class PrivateKey:
    """An RSA private key that signs RS256."""
    public: PublicKey
    p: int
    q: int
    dp: int
    dq: int
    q_inverse: int

    @classmethod
    def from_pem(cls, pem: str) -> "PrivateKey":
        """Read PKCS #8, or the older PKCS #1 form."""
        der = pem_body(pem, "PRIVATE KEY")
        inner = [content for tag, content
                 in der_items(der_items(der)[0][1]) if tag == 0x04]
        _, n, e, _, p, q, dp, dq, qi = der_integers(inner[0] if inner else der)
        return cls(PublicKey(n, e), p, q, dp, dq, qi)

    def sign(self, message: bytes) -> bytes:
        number = int.from_bytes(pkcs1_encode(message, self.public.size), "big")
        one = pow(number, self.dp, self.p)
        two = pow(number, self.dq, self.q)
        result = two + self.q * ((one - two) * self.q_inverse % self.p)
        return result.to_bytes(self.public.size, "big")


def pkcs1_encode(message: bytes, size: int) -> bytes:
    """EMSA-PKCS1-v1_5 with SHA-256, RFC 8017 section 9.2."""
    info = SHA256_DIGEST_INFO + hashlib.sha256(message).digest()
    return b"\0\1" + b"\xff" * (size - len(info) - 3) + b"\0" + info


def mgf1(seed: bytes, length: int) -> bytes:
    blocks = (hashlib.sha256(seed + i.to_bytes(4, "big")).digest()
              for i in range(-(-length // 32)))
    return b"".join(blocks)[:length]


def pss_matches(message: bytes, plain: bytes, bits: int) -> bool:
    """EMSA-PSS-VERIFY, RFC 8017 section 9.1.2; salt as long as the hash,
    which is what PS256 means (RFC 7518 section 3.5)."""
    length = (bits + 7) // 8
    encoded = plain[len(plain) - length:]
    if any(plain[:len(plain) - length]) or encoded[-1] != 0xBC:
        return False
    masked, digest = encoded[:length - 33], encoded[length - 33:-1]
    top = 0xFF >> (8 * length - bits)
    if masked[0] & ~top & 0xFF:
        return False
    data = bytearray(a ^ b for a, b in zip(masked, mgf1(digest, len(masked))))
    data[0] &= top
    padding, salt = data[:-32], bytes(data[-32:])
    if any(padding[:-1]) or padding[-1] != 1:
        return False
    inner = b"\0" * 8 + hashlib.sha256(message).digest() + salt
    return hashlib.sha256(inner).digest() == digest


# ---------------------------------------------------------------- JWT

@dataclass(frozen=True)
class Token:
    """A JWT taken apart; `signed` is what the signature covers."""
    header: dict
    claims: dict
    signed: bytes
    signature: bytes


def encode(header: dict, claims: dict, key: PrivateKey) -> str:
    parts = [b64url(json.dumps(part, separators=(",", ":")).encode())
             for part in (header, claims)]
    signed = ".".join(parts)
    return signed + "." + b64url(key.sign(signed.encode()))


def decode(text: str) -> Token:
    """Take a JWT apart without judging its signature."""
    parts = text.split(".")
    if len(parts) != 3:
        raise BadToken("a JWT has three parts")
    try:
        header, claims = (json.loads(b64url_decode(part))
                          for part in parts[:2])
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise BadToken("not JSON inside") from error
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise BadToken("not a JSON object inside")
    return Token(header, claims, ".".join(parts[:2]).encode(),
                 b64url_decode(parts[2]))
