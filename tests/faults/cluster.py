"""What Kubernetes makes of the job in docs/scale.md: pods on two hosts, and an API for them.

``python -m tests.faults.cluster FOLDER`` is the API, for what ``Cluster.lay`` has written there.
"""

import http.server
import json
import re
import ssl
import subprocess
import sys
from http import HTTPStatus
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import yaml

from tests.faults import training
from tests.faults.links import HOSTS, Cable

NAMESPACE = "students"
PORT = 6443  # of the API
TOKEN = "a secret of the service account"
ACCOUNT = Path("/run/secrets/kubernetes.io/serviceaccount")  # where each container has it
KINDS = {"pods": "Pod", "jobs": "Job"}  # that the API knows of
CERTIFICATE, KEY, STORED = "ca.crt", "key.pem", "stored.json"
LISTENING = "listening"


def described() -> dict[str, dict]:
    """The objects that docs/scale.md describes, by their kinds."""
    text = (training.ROOT / "docs" / "scale.md").read_text()
    blocks = re.findall(r"^```\n(apiVersion.*?)^```", text, re.DOTALL | re.MULTILINE)
    return {one["kind"]: one for block in blocks for one in yaml.safe_load_all(block)}


class Cluster:
    """The two ends of a cable as nodes with a pod each; the account of these may ask for what
    ``rules`` say, and they have none where there are none."""

    def __init__(self, cable: Cable, folder: Path, rules: list[dict]):
        self.cable, self.folder, self.rules = cable, folder, rules
        self.job = described()["Job"]
        self.pod = self.job["spec"]["template"]["spec"]
        self.name = self.job["metadata"]["name"]

    def lay(self) -> None:
        """Give the pods their names, and the API what it has to know."""
        self.cable.call(f"{self.name}-0", f"{self.name}-1", domain=f".{self.pod['subdomain']}")
        account = self.folder / "account"
        account.mkdir(parents=True)
        subject = ["-subj", "/CN=api", "-addext", f"subjectAltName=IP:{HOSTS[0]}"]
        files = ["-keyout", f"{self.folder / KEY}", "-out", f"{account / CERTIFICATE}"]
        request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *subject, *files]
        subprocess.run(request, check=True, capture_output=True)
        (account / "token").write_text(TOKEN)
        (account / "namespace").write_text(NAMESPACE)
        labels = {"job-name": self.name}
        owner = {"apiVersion": "batch/v1", "kind": "Job", "name": self.name, "uid": "1"}
        owners = [owner | {"controller": True}]
        pods = [
            {
                "metadata": {"name": f"pod-{n}", "labels": labels, "ownerReferences": owners},
                "spec": self.pod,
                "status": {"podIP": address},
            }
            for n, address in enumerate(HOSTS)
        ]
        spec = self.job["spec"] | {"completions": len(HOSTS), "parallelism": len(HOSTS)}
        jobs = [{"metadata": self.job["metadata"] | {"labels": labels}, "spec": spec}]
        stored = {"rules": self.rules, "pods": pods, "jobs": jobs}
        (self.folder / STORED).write_text(json.dumps(stored))

    def serve(self) -> subprocess.Popen:
        """The API as a process on the first node, once it listens."""
        api = self.cable.begin(0, sys.executable, "-m", "tests.faults.cluster", f"{self.folder}")
        assert api.stdout and api.stdout.readline() == LISTENING + "\n"
        return api

    def begin(self, number: int, command: str) -> subprocess.Popen:
        """The container of one of the pods, with a shell's command in place of its own."""
        mounts = "mount -t tmpfs none /run"  # for this process alone
        if self.rules:
            mounts += f" && mkdir -p {ACCOUNT.parent} && cp -r {self.folder}/account {ACCOUNT}"
        return self.cable.begin(
            number,
            *("sh", "-c", f'{mounts} && exec "$@"', "sh", "sh", "-c", command),
            HOSTNAME=self.cable.hosts[number],
            JOB_COMPLETION_INDEX=f"{number}",
            KUBERNETES_SERVICE_HOST=HOSTS[0],
            KUBERNETES_SERVICE_PORT=f"{PORT}",
        )


class Api(http.server.BaseHTTPRequestHandler):
    """Lists and gets what is stored, for who shows the token and is allowed to."""

    stored: dict[str, list]

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        found = re.fullmatch(
            rf"/(?:api/v1|apis/(?P<group>\w+)/v1)/namespaces/{NAMESPACE}/(?P<what>\w+)"
            r"(?:/(?P<name>[\w-]+))?",
            asked.path,
        )
        if found is None or found["what"] not in KINDS:
            return self._answer(HTTPStatus.NOT_FOUND, {})
        group, what, name = found["group"] or "", found["what"], found["name"]
        if not self._may(group, what, "get" if name else "list"):
            return self._answer(HTTPStatus.FORBIDDEN, {"kind": "Status", "code": 403})
        stored = self.stored[what]
        if name is None:
            field, _, value = parse_qs(asked.query)["fieldSelector"][0].partition("=")
            part, key = field.split(".")
            items = [one for one in stored if one[part][key] == value]
            return self._answer(HTTPStatus.OK, {"kind": f"{KINDS[what]}List", "items": items})
        named = next((one for one in stored if one["metadata"]["name"] == name), None)
        if named is None:
            return self._answer(HTTPStatus.NOT_FOUND, {})
        return self._answer(HTTPStatus.OK, {"kind": KINDS[what], **named})

    def _may(self, group: str, what: str, verb: str) -> bool:
        kind, _, token = self.headers.get("Authorization", "").partition(" ")
        return (kind.lower(), token) == ("bearer", TOKEN) and any(
            group in rule["apiGroups"] and what in rule["resources"] and verb in rule["verbs"]
            for rule in self.stored["rules"]
        )

    def _answer(self, status: HTTPStatus, content: dict) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", f"{len(body)}")
        self.end_headers()
        self.wfile.write(body)


def main(folder: Path) -> None:
    Api.stored = json.loads((folder / STORED).read_text())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "account" / CERTIFICATE, folder / KEY)
    with http.server.ThreadingHTTPServer((HOSTS[0], PORT), Api) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        print(LISTENING, flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
