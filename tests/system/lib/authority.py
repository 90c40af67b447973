# SPDX-License-Identifier: Apache-2.0
"""An authority of its own: certificates of both kinds of keys, PKCS#12 stores
and OCSP responses, made with openssl."""

import pathlib
import subprocess

KEYS = {"rsa": ["rsa:2048"],
        "ecdsa": ["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]}


def openssl(*words):
    subprocess.run(["openssl", *map(str, words)], check=True,
                   capture_output=True)


class Authority:
    """In `folder`; `certificate` is what clients trust."""

    def __init__(self, folder, name="Authority"):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir()
        self.name = name
        self.certificate = self.folder / "authority.pem"
        self.key = self.folder / "authority.key"
        openssl("req", "-x509", "-newkey", *KEYS["ecdsa"], "-nodes", "-days",
                5, "-subj", f"/CN={name}", "-keyout", self.key, "-out",
                self.certificate)

    def issue(self, subject, names, kind="ecdsa"):
        """The paths of certificate and key."""
        cert, key = (self.folder / f"{subject}.{end}" for end in ("crt", "key"))
        request = self.folder / "request"
        extension = self.folder / "extension"
        extension.write_text(
            "subjectAltName=" + ",".join(f"DNS:{name}" for name in names))
        openssl("req", "-newkey", *KEYS[kind], "-nodes", "-subj",
                f"/CN={subject}", "-keyout", key, "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", self.certificate,
                "-CAkey", self.key, "-CAcreateserial", "-days", 4, "-extfile",
                extension, "-out", cert)
        return cert, key

    def pem(self, target, subject, names, kind="ecdsa"):
        """Certificate, chain and key in one file."""
        parts = *self.issue(subject, names, kind), self.certificate
        cert, key, chain = (part.read_text() for part in parts)
        target.write_text(cert + chain + key)
        target.chmod(0o600)

    def store(self, target, subject, names, password, kind="ecdsa"):
        cert, key = self.issue(subject, names, kind)
        openssl("pkcs12", "-export", "-in", cert, "-inkey", key, "-certfile",
                self.certificate, "-passout", f"pass:{password}", "-out",
                target)
        target.chmod(0o600)

    def respond(self, target, subject, revoked=False, at=None):
        """What OCSP says of it for an hour, from `at` on, as faketime has
        it."""
        cert = self.folder / f"{subject}.crt"
        done = subprocess.run(
            ["openssl", "x509", "-in", cert, "-noout", "-serial"], check=True,
            capture_output=True, text=True)
        serial = done.stdout.strip().partition("=")[2]
        state = "R\t400101000000Z\t200101000000Z" if revoked \
            else "V\t400101000000Z\t"
        index = self.folder / "index.txt"
        index.write_text(f"{state}\t{serial}\tunknown\t/CN={subject}\n")
        subprocess.run(
            [*(["faketime", "-f", at] if at else []), "openssl", "ocsp", "-index",
             index, "-rsigner", self.certificate, "-rkey", self.key, "-CA",
             self.certificate, "-issuer", self.certificate, "-cert", cert,
             "-nmin", "60", "-noverify", "-respout", target],
            check=True, capture_output=True)
