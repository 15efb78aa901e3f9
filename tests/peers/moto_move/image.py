"""An image of two platforms with an attestation, as an OCI layout: made here, so that its every byte is known."""

import gzip
import hashlib
import io
import json
import random
import tarfile

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def layer(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return out.getvalue()


class Layout:
    def __init__(self, folder):
        self.folder = folder
        (folder / "blobs" / "sha256").mkdir(parents=True)
        (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')

    def blob(self, media_type, content):
        digest = hashlib.sha256(content).hexdigest()
        (self.folder / "blobs" / "sha256" / digest).write_bytes(content)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content)}

    def json(self, media_type, value):
        # Indented: a copy that writes the JSON anew instead of copying it would be seen.
        return self.blob(media_type, json.dumps(value, indent=3).encode())

    def image(self, architecture, layers):
        config = self.json(
            "application/vnd.oci.image.config.v1+json",
            {"architecture": architecture, "os": "linux", "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(plain).hexdigest() for plain in layers]}},
        )
        packed = [self.blob("application/vnd.oci.image.layer.v1.tar+gzip", gzip.compress(plain, 1 if len(plain) < 1 << 20 else 0, mtime=0)) for plain in layers]
        manifest = self.json(MANIFEST, {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": packed})
        return {**manifest, "platform": {"architecture": architecture, "os": "linux"}}

    def attestation(self, of):
        config = self.json("application/vnd.oci.image.config.v1+json", {"architecture": "unknown", "os": "unknown", "rootfs": {"type": "layers", "diff_ids": []}})
        statement = self.blob("application/vnd.in-toto+json", json.dumps({"subject": [{"digest": of["digest"]}]}).encode())
        manifest = self.json(MANIFEST, {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [statement]})
        about = {"vnd.docker.reference.digest": of["digest"], "vnd.docker.reference.type": "attestation-manifest"}
        return {**manifest, "platform": {"architecture": "unknown", "os": "unknown"}, "annotations": about}

    def index(self, manifests):
        whole = self.json(INDEX, {"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests})
        (self.folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [whole]}))
        return whole["digest"]


def redmine(folder, large=0):
    """Two platforms with layers in common, and an attestation of the first. Answers the index's digest.

    `large` layers are of 32 MB that do not compress; the same in every run."""
    layout = Layout(folder)
    chance = random.Random(51)
    base = [layer({"etc/os-release": b"NAME=redmine base\n" * 4000})]
    base += [layer({f"usr/share/{number}": chance.randbytes(32 << 20)}) for number in range(large)]
    images = [layout.image(platform, [*base, layer({"redmine": f"redmine 5.1 for {platform}\n".encode() * 9000})]) for platform in ("amd64", "arm64")]
    return layout.index([*images, layout.attestation(images[0])])
