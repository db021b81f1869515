"""The job of docs/scale.md, as pods of Kubernetes: what they are told, and what they may ask."""

import shlex

import pytest

from tests.conftest import small
from tests.faults import cluster, training

CONFIG = small("vae", steps=4, save_every=4, sample_every=4, log_every=4)
TRAIN = "bin/train --model ddpm_full --batch 4096 --run /shared/runs/large"
BY_HAND = "--coordinator jaxgen-0.jaxgen:4567 --processes {} --process $JOB_COMPLETION_INDEX"
AUTO = "--coordinator auto"
RULES = cluster.described()["Role"]["rules"]


@pytest.fixture
def job(cable, tmp_path):
    """Run the job with another training: what its two pods end with, and the errors they say."""

    def run(group: str, rules: list[dict]) -> list[tuple[int, str]]:
        pods = cluster.Cluster(cable, tmp_path / "cluster", rules)
        pods.lay()
        ours = shlex.join([*training.JAXGEN, *training.command(CONFIG, tmp_path / "run")])
        with pods.serve() as api:
            both = [pods.begin(number, f"{ours} {group}") for number in (0, 1)]
            said = [one.communicate()[1] for one in both]
            api.kill()
        return [(one.returncode, words) for one, words in zip(both, said, strict=True)]

    return run


@pytest.mark.thorough
def test_pods_find_each_other_by_what_the_api_says(job, tmp_path):
    assert job(AUTO, RULES) == [(0, ""), (0, "")]
    training.require_sound(tmp_path / "run")


def test_pods_that_are_told_all_need_no_account(often, job, tmp_path):
    container = cluster.described()["Job"]["spec"]["template"]["spec"]["containers"][0]
    assert container["command"][-1] == f"{TRAIN} {BY_HAND.format(4)}"
    if often(False, True):
        assert job(BY_HAND.format(2), []) == [(0, ""), (0, "")]
        training.require_sound(tmp_path / "run")


def test_what_the_account_may_not_ask_is_one_sentence(job):
    [pods_alone] = [rule for rule in RULES if rule["resources"] == ["pods"]]
    for status, said in job(AUTO, [pods_alone]):
        assert status == 2
        assert said.startswith("jaxgen: --coordinator auto finds no others (Kubernetes API Error")
        assert "403" in said and said.count("\n") == 1
