"""A stand-in of the Hugging Face hub: as much of its HTTP API as sending and fetching a model
takes, with repositories in memory."""

import base64
import hashlib
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlparse

TOKEN = "hf_stand_in"


class Hub:
    """Repositories by name: each a list of commits, which are files by name."""

    def __init__(self):
        self.repositories: dict[str, list[dict[str, bytes]]] = {}
        self.requests: list[str] = []

    def revisions(self, name):
        return {sha(name, number): files for number, files in enumerate(self.repositories[name])}

    def files(self, name, revision):
        """The commit's name and its files; None if there is none."""
        found = self.revisions(name)
        revision = list(found)[-1] if revision == "main" else revision
        return (revision, found[revision]) if revision in found else None


def sha(name, number):
    return hashlib.sha1(f"{name}{number}".encode()).hexdigest()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *args):
        pass

    def answer(self, content=b"", status=200, **headers):
        if not isinstance(content, bytes):
            content = json.dumps(content).encode()
            headers["Content-Type"] = "application/json"
        self.send_response(status)
        for name, value in {"Content-Length": len(content), **headers}.items():
            self.send_header(name.replace("_", "-"), f"{value}")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def refuse(self, status, code):
        self.answer({"error": code}, status, X_Error_Code=code, X_Error_Message=code)

    def handle_any(self):
        path = unquote(urlparse(self.path).path)
        self.hub.requests.append(f"{self.command} {path}")
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        known = self.headers.get("Authorization") == f"Bearer {TOKEN}"
        parts = path.strip("/").split("/")
        if parts == ["api", "whoami-v2"]:
            return self.answer({"name": "me", "type": "user"}) if known else self.refuse(401, "no")
        if parts == ["api", "validate-yaml"]:  # of a card
            return self.answer({"errors": [], "warnings": []})
        if parts == ["api", "repos", "create"]:
            given = json.loads(body)
            name = f"{given.get('organization') or 'me'}/{given['name']}"
            self.hub.repositories.setdefault(name, [{".gitattributes": b""}])
            return self.answer({"url": f"http://{self.headers['Host']}/{name}", "name": name})
        if parts[:2] == ["api", "models"]:
            return self.api("/".join(parts[2:4]), parts[4:], body)
        name, (_, revision, *file) = "/".join(parts[:2]), parts[2:]
        return self.resolve(name, revision, "/".join(file))

    do_GET = do_POST = do_HEAD = handle_any

    def api(self, name, rest, body):
        if name not in self.hub.repositories:
            return self.refuse(404, "RepoNotFound")
        what, revision = (*rest, "main", "main")[:2] if len(rest) > 1 else ("revision", "main")
        if what == "preupload":
            files = json.loads(body)["files"]
            return self.answer({"files": [plain(file["path"]) for file in files]})
        if what == "commit":
            return self.commit(name, body)
        found = self.hub.files(name, revision)
        if found is None:
            return self.refuse(404, "RevisionNotFound")
        if what == "tree":
            return self.answer([entry(path, data) for path, data in found[1].items()])
        siblings = [{"rfilename": path} for path in found[1]]
        return self.answer({"id": name, "sha": found[0], "siblings": siblings, "private": False})

    def commit(self, name, body):
        files = dict(self.hub.repositories[name][-1])
        for line in body.splitlines():
            record = json.loads(line)
            if record["key"] == "file":
                files[record["value"]["path"]] = base64.b64decode(record["value"]["content"])
        self.hub.repositories[name].append(files)
        oid = sha(name, len(self.hub.repositories[name]) - 1)
        url = f"http://{self.headers['Host']}/{name}/commit/{oid}"
        return self.answer({"commitUrl": url, "commitOid": oid, "success": True})

    def resolve(self, name, revision, file):
        if name not in self.hub.repositories:
            return self.refuse(404, "RepoNotFound")
        found = self.hub.files(name, revision)
        if found is None:
            return self.refuse(404, "RevisionNotFound")
        if file not in found[1]:
            return self.refuse(404, "EntryNotFound")
        data = found[1][file]
        etag = f'"{hashlib.sha1(data).hexdigest()}"'
        return self.answer(data, ETag=etag, X_Repo_Commit=found[0])


def plain(path):
    return {"path": path, "uploadMode": "regular", "shouldIgnore": False}


def entry(path, data):
    return {"type": "file", "path": path, "size": len(data), "oid": hashlib.sha1(data).hexdigest()}


@contextmanager
def serve():
    """The stand-in and its address."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"hub": hub}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
