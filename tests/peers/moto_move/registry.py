"""Real container registries (Debian's docker-registry), one for each region, asked as ECR's would be."""

import base64
import collections
import hashlib
import json
import re
import shutil
import urllib.error
import urllib.request

import bcrypt

from machine import free_port, ran
from supplied import REPOSITORY_TYPES

USER = "AWS"


class Manifest:
    def __init__(self, media_type, body):
        self.media_type, self.body = media_type, body
        self.digest = "sha256:" + hashlib.sha256(body).hexdigest()
        parsed = json.loads(body)
        self.children = [m["digest"] for m in parsed.get("manifests", [])]
        self.blobs = [*([parsed["config"]] if "config" in parsed else []), *parsed.get("layers", [])]
        self.size = sum(blob["size"] for blob in self.blobs)


class Registry:
    def __init__(self, machine, region, password):
        self.region, self.password = region, password
        self.port = free_port()
        folder = machine.folder / f"registry-{region}"
        folder.mkdir()
        words = folder / "words"
        words.write_text(f"{USER}:{bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()}\n")
        settings = folder / "settings.yml"
        settings.write_text(
            f"""version: 0.1
log: {{ level: error }}
storage: {{ filesystem: {{ rootdirectory: {folder / "blobs"} }}, delete: {{ enabled: true }} }}
http: {{ addr: "127.0.0.1:{self.port}" }}
auth: {{ htpasswd: {{ realm: registry of {region}, path: {words} }} }}
"""
        )
        self.repositories = folder / "blobs" / "docker" / "registry" / "v2" / "repositories"
        self.log = machine.folder / f"registry-{region}.log"
        machine.start(f"registry-{region}", ["docker-registry", "serve", settings], self.port)

    @property
    def host(self):
        return f"127.0.0.1:{self.port}"

    @property
    def url(self):
        return f"http://{self.host}"

    @property
    def credentials(self):
        return f"{USER}:{self.password}"

    def _ask(self, path, method="GET"):
        basic = base64.b64encode(self.credentials.encode()).decode()
        request = urllib.request.Request(f"{self.url}/v2/{path}", method=method, headers={"Authorization": f"Basic {basic}", "Accept": REPOSITORY_TYPES})
        return urllib.request.urlopen(request, timeout=30)

    def tags(self, name):
        try:
            with self._ask(f"{name}/tags/list") as answer:
                return json.load(answer)["tags"] or []
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return []
            raise

    def manifest(self, name, reference):
        with self._ask(f"{name}/manifests/{reference}") as answer:
            return Manifest(answer.headers["Content-Type"], answer.read())

    def blob(self, name, digest):
        with self._ask(f"{name}/blobs/{digest}") as answer:
            return answer.read()

    def uploads(self):
        """How often each blob was put, by the registry's own log."""
        found = re.findall(r'"(?:PUT|POST) /v2/[^ ]*/blobs/uploads/[^ ]*digest=sha256(?:%3A|:)([0-9a-f]{64})[^ ]* HTTP/1.1" 201', self.log.read_text(errors="replace"))
        return collections.Counter(found)

    def clear(self, name):
        """Everything of a repository, as ECR deletes one by force: what docker-registry would keep until it is swept."""
        shutil.rmtree(self.repositories / name, ignore_errors=True)

    def skopeo(self, *arguments):
        return ran(["skopeo", *arguments])
