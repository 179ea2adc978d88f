"""A Hugging Face hub on the loopback interface: folders as repositories, for huggingface_hub and for us."""

import hashlib
import json
import pathlib
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LARGE = (".safetensors", ".gguf", ".parquet")


class Repository:
    """The files of a folder; its commit is the hash of them all."""

    def __init__(self, folder: pathlib.Path):
        self.files = {}
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                self.files[path.relative_to(folder).as_posix()] = path.read_bytes()
        everything = "".join(name + self.blob(name) for name in self.files)
        self.commit = hashlib.sha1(everything.encode()).hexdigest()

    def sha256(self, name: str) -> str:
        return hashlib.sha256(self.files[name]).hexdigest()

    def blob(self, name: str) -> str:
        data = self.files[name]
        if name.endswith(LARGE):
            data = (f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.sha256(name)}\n"
                    f"size {len(data)}\n").encode()
        return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()

    def listed(self, name: str) -> dict:
        entry = {"type": "file", "oid": self.blob(name), "size": len(self.files[name]), "path": name}
        if name.endswith(LARGE):
            entry["lfs"] = {"oid": self.sha256(name), "size": len(self.files[name]), "pointerSize": 134}
        return entry


class Handler(BaseHTTPRequestHandler):
    """Both hosts: the hub, and the one that large files are on."""

    protocol_version = "HTTP/1.1"

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        if self.server is self.hub.cdn:
            return self.answer(200, self.hub.large[path[1:]])
        kind = "datasets" if path.startswith(("/datasets/", "/api/datasets/")) else "models"
        path = path.removeprefix("/api").removeprefix(f"/{kind}")[1:]
        for (repository_kind, name), repository in self.hub.repositories.items():
            if repository_kind == kind and path.startswith(name + "/"):
                return self.repository(name, repository, *(path[len(name) + 1:].split("/", 2) + [""])[:3])
        self.answer(401, b"", {"X-Error-Code": "RepoNotFound"})

    def repository(self, name, repository, call, revision, file):
        if revision not in ("main", repository.commit):
            self.answer(404, b"", {"X-Error-Code": "RevisionNotFound"})
        elif call == "revision":
            self.answer(200, json.dumps({"id": name, "sha": repository.commit, "private": False}).encode())
        elif call == "tree":
            self.answer(200, json.dumps([repository.listed(f) for f in repository.files]).encode())
        elif file not in repository.files:
            self.answer(404, b"", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": repository.commit})
        elif file.endswith(LARGE):
            sha256 = repository.sha256(file)
            self.hub.large[sha256] = repository.files[file]
            self.answer(302, b"", {
                "X-Repo-Commit": repository.commit, "X-Linked-Etag": f'"{sha256}"',
                "X-Linked-Size": str(len(repository.files[file])),
                "Location": f"http://127.0.0.1:{self.hub.cdn.server_port}/{sha256}"})
        else:
            self.answer(200, repository.files[file], {
                "X-Repo-Commit": repository.commit, "ETag": f'"{repository.blob(file)}"'})

    def answer(self, status, body, headers=None):
        start = 0
        wanted = self.headers.get("Range", "")
        if status == 200 and wanted.startswith("bytes="):
            start = int(wanted[6:].split("-")[0])
            status = 206
        self.send_response(status)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body[start:])

    def log_message(self, *args):
        self.hub.requests.append(self.path)


class Hub:
    """Serves until the process ends; repositories maps (kind, name) to a Repository."""

    def __init__(self, repositories: dict):
        self.repositories = repositories
        self.large = {}
        self.requests = []
        handler = type("BoundHandler", (Handler,), {"hub": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.cdn = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        for server in (self.server, self.cdn):
            threading.Thread(target=server.serve_forever, daemon=True).start()
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}"
