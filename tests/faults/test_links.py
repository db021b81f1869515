"""Two hosts, as network namespaces of this machine with a cable between them that is cut."""

import time

import pytest

from jaxgen.training import manifest
from tests.conftest import small
from tests.faults import training
from tests.faults.links import HOSTS
from tests.runs import metrics

PORT = 4567


@pytest.mark.thorough
def test_a_cut_link_is_noticed_on_both_sides_and_training_goes_on_elsewhere(often, cable, tmp_path):
    run, checkpoints = tmp_path / "run", tmp_path / "run" / "checkpoints"
    config = small("vae", steps=10**6, save_every=4, sample_every=10**6, log_every=10**6)
    group = [f"--coordinator={HOSTS[0]}:{PORT}", "--processes=2"]
    both = [
        cable.begin(
            number, *training.JAXGEN, *training.command(config, run), *group, f"--process={number}"
        )
        for number in (0, 1)
    ]

    def wait_for_saves(count: int) -> None:
        before = max(manifest.steps(checkpoints), default=0)
        while all(one.poll() is None for one in both):
            if max(manifest.steps(checkpoints), default=0) >= before + count * config.save_every:
                return
            time.sleep(0.1)
        pytest.fail("\n".join(one.communicate()[1] for one in both))

    wait_for_saves(1)
    if often(False, True):  # a short interruption is none
        cable.set("down")
        time.sleep(3)
        cable.set("up")
        wait_for_saves(3)
    cable.set("down")
    began = time.monotonic()
    for number, process in enumerate(both):
        _, wrong = process.communicate(timeout=60)
        assert time.monotonic() - began < 15
        training.require_last_words(number, process.returncode, wrong)
    training.require_sound(run)
    last = manifest.steps(checkpoints)[0]
    training.finish(small("vae", steps=last + 4, save_every=4, log_every=4), run)
    assert [line["step"] for line in metrics(run)] == list(range(1, last + 5))
