"""Completion by the Tab key: the script is read by a shell, and asked."""

import shutil
import subprocess

import pytest

import jaxgen
from jaxgen.cli import completion, main
from jaxgen.cli.apply import APPS
from jaxgen.cli.main import VERBS

ASK = """
source ./script
COMP_WORDS=({words})
COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
set -- $(complete -p {program})
while [ "$1" != -F ]; do shift; done
"$2" {program}
echo "${{COMPREPLY[@]}}"
"""


@pytest.fixture(scope="module")
def script(tmp_path_factory):
    path = tmp_path_factory.mktemp("completion") / "script"
    path.write_text(completion.script("bash"))
    return path


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("jaxgen ''", set(VERBS) - {"completion"}),
        ("jaxgen sample --model c", {"cvae"}),
        ("bin/train --net.lat", {"--net.latents"}),
        ("bin/train --net.cod", {"--net.codes"}),  # of another family
        ("bin/apply ''", set(APPS)),
        ("bin/apply complete --hi", {"--hide"}),
        ("bin/digits form --ro", {"--rows"}),
        ("bin/export --what ''", {"sampler", "encoder", "decoder", "network"}),
    ],
)
def test_bash_completes(script, words, expected):
    command = ASK.format(words=words, program=words.split()[0])
    done = subprocess.run(
        ["bash", "-c", command], cwd=script.parent, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    found = set(done.stdout.split()) - {"-h", "--help"}
    assert found == expected


@pytest.mark.parametrize("shell", completion.SHELLS)
def test_each_shell_reads_its_script(shell, tmp_path, capsys):
    assert main.run(["completion", shell]) == 0
    text = capsys.readouterr().out
    assert "--net.latents" in text
    if shutil.which(shell):
        (tmp_path / "script").write_text(text)
        read = [shell, "-n", f"{tmp_path / 'script'}"]
        assert subprocess.run(read, capture_output=True).returncode == 0


def test_another_shell_is_a_mistake():
    for args in ([], ["tcsh"], ["bash", "zsh"]):
        with pytest.raises(jaxgen.UserError, match=r"which shell\? bin/completion bash \| zsh"):
            main.run(["completion", *args])
