"""Models on the Hugging Face hub, of which ``hub_server`` is a stand-in."""

import re

import huggingface_hub
import numpy as np
import pytest
from huggingface_hub import constants

import jaxgen
from jaxgen.cli import main
from jaxgen.training import hub as hubs
from tests import hub_server, runs

pytestmark = pytest.mark.usefixtures("hasty")
ADDRESS = "hub:me/an-ae"


@pytest.fixture
def hub(monkeypatch, tmp_path, here):
    """The stand-in, to which the user is logged in."""
    with hub_server.serve() as (hub, url):
        point_to(monkeypatch, url)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", f"{tmp_path / 'hub'}")
        monkeypatch.setenv("HF_TOKEN", hub_server.TOKEN)
        yield hub


def point_to(monkeypatch, url):
    """What HF_ENDPOINT does where it is set before the import."""
    monkeypatch.setattr(constants, "ENDPOINT", url)
    template = f"{url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)


@pytest.fixture
def ae(hub):
    runs.tiny("ae")
    return jaxgen.load("ae")


def test_a_model_goes_to_the_hub_and_comes_back(ae, hub, capsys):
    sent = ae.publish(ADDRESS, half=False)
    (commit,) = list(hub.revisions("me/an-ae"))[1:]
    assert f"{sent}" == f"{ADDRESS}@{commit}"
    back = jaxgen.load(ADDRESS)
    assert f"{ADDRESS} is now {ADDRESS}@{commit}" in capsys.readouterr().err
    np.testing.assert_array_equal(back.sample(count=8), ae.sample(count=8))
    ae.with_sampling(prior="normal").publish(ADDRESS, half=False)
    old = jaxgen.load(f"{ADDRESS}@{commit}")
    assert "is now" not in capsys.readouterr().err
    assert old.config.sampling.prior == "fitted"
    assert jaxgen.load(ADDRESS).config.sampling.prior == "normal"


def test_the_card_is_one_of_the_hub(ae, hub):
    ae.publish(ADDRESS)
    text = hub.repositories["me/an-ae"][-1]["README.md"].decode()
    card = huggingface_hub.ModelCard(text)
    assert card.data.library_name == "jaxgen" and card.data.license == "apache-2.0"
    assert {result.metric_type for result in card.data.eval_results} >= {"frechet", "coverage"}
    assert f'jaxgen.load("{ADDRESS}")' in text and "path/of" not in text


def test_the_commands_take_an_address(ae, hub, capsys):
    main.run(["publish", "--model=ae", f"--to={ADDRESS}"])
    address = re.search(rf"{ADDRESS}@\w+", capsys.readouterr().out)[0]
    main.run(["sample", f"--run={address}", "--digit=3"])
    assert "runs/published/me-an-ae/drawn/digit-3-seed-0.png" in capsys.readouterr().out


def test_weights_that_were_altered_are_refused(ae, hub):
    ae.publish(ADDRESS)
    commit = hub.repositories["me/an-ae"][-1]
    content = bytearray(commit["model.safetensors"])
    content[-1] ^= 1
    hub.repositories["me/an-ae"].append({**commit, "model.safetensors": bytes(content)})
    with pytest.raises(jaxgen.UserError, match=rf"{ADDRESS}@.*changed: its SHA-256 is"):
        jaxgen.load(ADDRESS)


def test_a_model_that_was_fetched_needs_no_hub(ae, hub, monkeypatch):
    sent = ae.publish(ADDRESS)
    point_to(monkeypatch, "http://127.0.0.1:9")
    assert jaxgen.load(f"{sent}").step == ae.step
    with pytest.raises(jaxgen.UserError, match=r"the hub does not answer for hub:me/other"):
        jaxgen.load("hub:me/other")


def test_mistakes_are_sentences(ae, hub, monkeypatch):
    hub.repositories["me/other"] = [{"weights.bin": b""}]
    for address, said in {
        "hub:me": "give hub:USER/NAME",
        "hub:me/nothing": r"there is no hub:me/nothing that you may see",
        "hub:me/other": "holds no model of jaxgen: it has no card.json",
        "hub:me/other@abc": "no commit, branch or tag of me/other",
    }.items():
        with pytest.raises(jaxgen.UserError, match=said):
            jaxgen.load(address)
    with pytest.raises(jaxgen.UserError, match=r"holds something else \(weights\.bin\)"):
        ae.publish("hub:me/other")
    with pytest.raises(jaxgen.UserError, match="names a revision: send a model to hub:me/an-ae"):
        ae.publish(f"{ADDRESS}@main")
    monkeypatch.setenv("HF_TOKEN", "")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", "nowhere")
    with pytest.raises(jaxgen.UserError, match="log in with the command hf auth login"):
        ae.publish(ADDRESS)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(jaxgen.UserError, match="needs the package huggingface_hub"):
        hubs.fetch(ADDRESS)
    for args in ([], ["--out=x", f"--to={ADDRESS}"]):
        with pytest.raises(jaxgen.UserError, match="where to"):
            main.run(["publish", "--model=ae", *args])
