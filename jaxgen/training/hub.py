"""Published models on the Hugging Face hub, as ``hub:USER/NAME``, or ``hub:USER/NAME@REVISION`` for
the weights of one commit.

Only the files of a published model are fetched, into the hub's own cache, and none of them is code.
"""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from jaxgen import extras
from jaxgen.errors import UserError, warn
from jaxgen.training import folder as folders
from jaxgen.training.published import Published

PREFIX = "hub:"
FORM = re.compile(r"hub:([\w.-]+/[\w.-]+)(?:@([\w./-]+))?")
HARMLESS = {".gitattributes", "README.md"}  # files that a new repository may have


class Address(NamedTuple):
    """A repository of models, and a commit, branch or tag."""

    repository: str  # USER/NAME
    revision: str | None  # the newest when None

    @staticmethod
    def of(text: str) -> "Address":
        """Raises UserError if the text is no address."""
        found = FORM.fullmatch(text)
        if not found:
            raise UserError(
                f"{text} is no model on the hub: give hub:USER/NAME, or @REVISION after it"
            )
        return Address(*found.groups())

    def __str__(self) -> str:
        return f"{PREFIX}{self.repository}{'@' * bool(self.revision)}{self.revision or ''}"


class FromHub(Published):
    """A published model that was fetched from the hub."""

    def __init__(self, path: Path, repository: str):
        super().__init__(path)
        self.address = Address(repository, path.name)

    def __str__(self) -> str:
        return f"{self.address}"

    @property
    def results(self) -> Path:
        return folders.ROOT / "published" / self.address.repository.replace("/", "-")

    def run_flag(self, model: str) -> str:
        return f" --run {self.address}"


def fetch(text: str) -> FromHub:
    """The model at an address, from the hub or from its cache. Says which commit it is, if the
    address does not. Raises UserError if there is none, or the hub does not answer."""
    address = Address.of(text)
    _require(address)
    import huggingface_hub

    names = [path.name for path in Published(Path()).files]
    with _explained(address):
        path = huggingface_hub.snapshot_download(
            address.repository, revision=address.revision, allow_patterns=names
        )
    found = FromHub(Path(path), address.repository)
    if not found.card.exists():
        raise UserError(f"{address} holds no model of jaxgen: it has no {found.card.name}")
    if found.address != address:
        warn(f"{address} is now {found}, which names the same weights later too")
    return found


def check(address: Address) -> None:
    """Raise UserError if a model cannot be sent to an address: before it is drawn and judged."""
    if address.revision:
        raise UserError(f"{address} names a revision: send a model to {PREFIX}{address.repository}")
    _require(address)
    import huggingface_hub
    from huggingface_hub import errors

    api = huggingface_hub.HfApi()
    with _explained(address):
        api.whoami()
        try:
            held = set(api.list_repo_files(address.repository))
        except errors.RepositoryNotFoundError:
            return
    if held - HARMLESS and Published(Path()).card.name not in held:
        raise UserError(f"{address} holds something else ({min(held - HARMLESS)}): name a new one")


def send(model: Published, address: Address) -> FromHub:
    """Send a published model to the hub, as a commit of a public repository that is made if it is
    missing; returns the model as ``fetch`` would."""
    import huggingface_hub

    api = huggingface_hub.HfApi()
    with _explained(address):
        api.create_repo(address.repository, exist_ok=True)
        done = api.upload_folder(
            repo_id=address.repository,
            folder_path=model.path,
            commit_message=f"A model of jaxgen, SHA-256 {model.facts()['sha256'][:12]}",
        )
    return fetch(f"{address}@{done.oid}")


def _require(address: Address) -> None:
    extras.require(f"{address}", "huggingface_hub", "huggingface-hub")


@contextlib.contextmanager
def _explained(address: Address) -> Iterator[None]:
    """Turn what huggingface_hub raises into a UserError."""
    from huggingface_hub import errors

    try:
        yield
    except errors.LocalTokenNotFoundError:
        raise UserError(
            "the hub does not know you: log in with the command hf auth login"
        ) from None
    except errors.RevisionNotFoundError:
        raise UserError(f"{address} is no commit, branch or tag of {address.repository}") from None
    except errors.RepositoryNotFoundError:
        raise UserError(
            f"there is no {address} that you may see: check the name, or log in with the command "
            "hf auth login"
        ) from None
    except errors.HfHubHTTPError as error:
        raise UserError(f"the hub refuses {address}: {_first_line(error)}") from None
    except Exception as error:  # those of a connection are of the HTTP library that it uses
        if isinstance(error, UserError):
            raise
        raise UserError(
            f"the hub does not answer for {address} ({_first_line(error)}): try again later, or "
            "name a folder"
        ) from None


def _first_line(error: Exception) -> str:
    return (f"{error}".splitlines() or [type(error).__name__])[0].rstrip(".")
