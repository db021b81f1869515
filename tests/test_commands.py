"""Every command as a person gives it: what it makes, what it says, and how it refuses."""

import errno
import json
import re
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import jax
import numpy as np
import pytest
from PIL import Image, ImageDraw

from jaxgen import config, families
from jaxgen.cli import flags as reading
from jaxgen.cli import main
from jaxgen.data import idx
from jaxgen.errors import UserError
from jaxgen.evaluation import judge
from tests import runs
from tests.conftest import flags, swept
from tests.faults import training

pytestmark = pytest.mark.usefixtures("hasty")


@pytest.fixture(scope="module", params=swept(config.names(), ["ae", "gan", "ddpm"]))
def trained(request, tmp_path_factory):
    """A folder with a tiny run of each model."""
    folder = tmp_path_factory.mktemp(request.param)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        runs.tiny(request.param)
    return request.param, folder


@pytest.fixture
def there(trained, tmp_path, monkeypatch):
    """A folder that has the run of a model, and nothing else."""
    model, folder = trained
    (tmp_path / "runs").symlink_to(folder / "runs")
    monkeypatch.chdir(tmp_path)
    return model


@pytest.fixture
def ae(here):
    """A folder with a run of the autoencoder, for what is the same for all."""
    runs.tiny("ae")


def test_train_says_what_it_does_and_what_to_do_next(here):
    done = subprocess.run(
        [*training.JAXGEN, "train", "--model", "vae", *runs.TINY, *flags("vae")],
        env=training.environment(),
        text=True,
        capture_output=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    first, *_, last = done.stdout.splitlines()
    assert first.startswith("vae: ")
    assert "parameters, 2 cpu devices, 550 digits of synthetic:600, 2 steps of 8" in first
    assert "compiled in" in done.stdout
    assert last == "next: bin/sample --model vae --digit 3"
    assert Path("runs/vae/samples/2.png").exists()


def test_sample_makes_pictures_and_arrays(there, capsys):
    assert main.run(["sample", "--model", there, "--digit", "3", "--out", "three.png"]) == 0
    assert "three.png" in capsys.readouterr().out
    with Image.open("three.png") as picture:
        assert picture.mode == "L"
    assert main.run(["sample", "--model", there, "--count", "25", "--out", "all.npz"]) == 0
    with np.load("all.npz") as found:
        assert found["images"].shape == (25, 28, 28)
        assert found["images"].dtype == np.uint8
        assert found["labels"].tolist() == [*range(10), *range(10), *range(5)]
        assert found["labels"].dtype == np.int32
        everything = found["images"]
    assert main.run(["sample", "--model", there, "--count", "7", "--out", "few.npz"]) == 0
    with np.load("few.npz") as found:
        assert np.array_equal(found["images"], everything[:7])
    assert main.run(["sample", "--model", there, "--digits", "2024"]) == 0
    told = capsys.readouterr().out
    assert Path(told.split()[-1]).exists()


def test_sample_writes_by_the_ending(there, capsys):
    assert main.run(["sample", "--model", there, "--count", "12", "--out", "set/train.idx.gz"]) == 0
    assert "set/train-images-idx3-ubyte.gz and set/train-labels" in capsys.readouterr().out
    assert idx.read(Path("set/train-images-idx3-ubyte.gz")).shape == (12, 28, 28)
    assert main.run(["sample", "--model", there, "--digits", "42", "--out", "few/"]) == 0
    assert "few/, a PNG each" in capsys.readouterr().out
    assert sorted(path.name for path in Path("few").iterdir()) == ["00000-4.png", "00001-2.png"]
    with pytest.raises(UserError, match=r"already holds 00000-4\.png"):
        main.run(["sample", "--model", there, "--digits", "42", "--out", "few"])
    shutil.rmtree("few")


def arrays(*args) -> np.ndarray:
    """The images that a command writes, as floats."""
    Path("x.npz").unlink(missing_ok=True)
    assert main.run([*args, "--out", "x.npz"]) == 0
    with np.load("x.npz") as found:
        return found["images"].astype(float)


def test_reconstruct_shows_digits_above_their_reconstructions(there, capsys):
    assert main.run(["reconstruct", "--model", there, "--count", "13"]) == 0
    told = capsys.readouterr().out
    assert re.search(r"13 digits after 2 steps of training: squared error \d+\.\d+", told)
    with Image.open(f"runs/{there}/drawn/reconstructed-seed-0.png") as picture:
        assert picture.size[0] > picture.size[1] > 300
    assert arrays("reconstruct", "--model", there, "--count", "13").shape == (13, 28, 28)
    with np.load("x.npz") as found:
        assert found["labels"].tolist() == [*range(10), 0, 1, 2]


def test_reconstruct_takes_a_persons_images_and_says_how(there, capsys):
    picture = Image.new("RGB", (300, 200), "white")
    ImageDraw.Draw(picture).line([(150, 30), (140, 170)], fill="navy", width=18)
    picture.save("one.png")
    assert main.run(["reconstruct", "--model", there, "--images", "one.png", "test:3"]) == 0
    first, second, *_ = capsys.readouterr().out.splitlines()
    assert first.startswith(
        "one.png is taken for a 1 (grey, inverted, 300 x 200 brought to 28 x 28): squared error "
    )
    assert re.match(r"test:3 is an? \d: squared error \d", second)


def test_a_way_leads_from_one_drawn_digit_to_the_other(there, capsys, monkeypatch):
    monkeypatch.setattr(judge, "SURE", 0.0)  # or other ends were drawn, for these are no digits
    way = ["interpolate", "--model", there, "--from", "3", "--to", "8"]
    assert main.run(way) == 0
    assert "5 ways of 10 images" in capsys.readouterr().out
    with Image.open(f"runs/{there}/drawn/3-to-8-seed-0.png") as picture:
        assert picture.size[0] > picture.size[1] > 100
    ways = arrays(*way, "--count", "2", "--frames", "5").reshape(2, 5, 28, 28)
    with np.load("x.npz") as found:
        assert found["labels"].tolist() == [3, 3, 8, 8, 8] * 2
    threes = arrays("sample", "--model", there, "--digit", "3", "--count", "4")
    assert np.abs(ways[:, 0] - threes[::2]).max() <= 1
    # Others may draw on the key as they decode, and it is the start's.
    if config.recipe(there).family == "ddpm":
        eights = arrays("sample", "--model", there, "--digit", "8", "--count", "4")
        assert np.abs(ways[:, -1] - eights[1::2]).max() <= 1
    one = arrays(*way, "--count", "1", "--frames", "5")
    assert np.array_equal(one, ways[0])
    assert main.run([*way, "--out", "way.gif", "--frames", "7"]) == 0
    with Image.open("way.gif") as film:
        assert 2 <= film.n_frames <= 7  # equal frames are one


def test_a_tour_leads_through_all_digits(there, capsys, monkeypatch):
    monkeypatch.setattr(judge, "SURE", 0.0)
    tour = ["interpolate", "--model", there, "--digits", "0123", "--frames", "3"]
    assert main.run(tour) == 0
    assert "one way of 7 images" in capsys.readouterr().out
    assert Path("runs", there, "drawn", "0123-seed-0.png").exists()
    found = arrays(*tour)
    assert found.shape == (7, 28, 28)
    begins = arrays("sample", "--model", there, "--digits", "0000")[0]
    assert np.abs(found[0] - begins).max() <= 1


def test_a_way_between_images_has_their_reconstructions_as_ends(there, capsys):
    way = ["interpolate", "--model", there, "--between", "test:7", "test:0"]
    assert main.run([*way, "--frames", "4"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("test:7 is a") and "one way of 4 images" in told
    found = arrays(*way, "--frames", "4")
    ends = arrays("reconstruct", "--model", there, "--images", "test:7", "test:0")
    assert found.shape == (4, 28, 28)
    assert np.abs(found[[0, -1]] - ends).max() <= 1
    assert main.run([*way, "--frames", "3", "--out", "between/"]) == 0
    assert len(list(Path("between").iterdir())) == 3
    shutil.rmtree("between")


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["interpolate", "--from", "12", "--to", "3"], "--from 12"),
        (["interpolate", "--from", "1", "--to", "any"], "--to any"),
        (["interpolate", "--from", "1"], "both --from and --to"),
        (["interpolate"], "which way"),
        (["interpolate", "--from", "1", "--to", "2", "--digits", "12"], "which way"),
        (["interpolate", "--digits", "12", "--between", "a.png", "b.png"], "which way"),
        (["interpolate", "--digits", "1"], "--digits 1 "),
        (["interpolate", "--digits", "1x"], "--digits 1x"),
        (["interpolate", "--from", "1", "--to", "2", "--frames", "1"], "too few frames"),
        (["interpolate", "--from", "1", "--to", "2", "--out", "x.jpg"], "x.jpg"),
        (["interpolate", "--from", "1", "--to", "2", "--count", "0"], "--count 0"),
        (["interpolate", "--between", "test:0"], "no end"),
        (["interpolate", "--between", "test:0", "gone.png"], "gone.png"),
        (["interpolate", "--between", "test:0", "text.png"], "text.png is not a readable image"),
        (["interpolate", "--between", "test:0", "test:1", "--count", "2"], "leave out --count"),
        (["reconstruct", "--images", "gone.png"], "gone.png"),
        (["reconstruct", "--images", "text.png"], "text.png is not a readable image"),
        (["reconstruct", "--images", "test:9999999"], "there is no digit test:9999999"),
        (["reconstruct", "--images", "test:1", "--count", "3"], "which is 1"),
        (["reconstruct", "--count", "0"], "--count 0"),
        (["reconstruct", "--count", "9999999"], "--count 9999999"),
        (["reconstruct", "--out", "x.txt"], "x.txt"),
    ],
)
def test_ways_and_reconstructions_refuse_what_cannot_be(args, says, ae):
    Path("text.png").write_text("not an image")
    with pytest.raises(UserError) as refused:
        main.run([args[0], "--model", "ae", *args[1:]])
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_an_unconditional_model_refuses_digits(ae, monkeypatch, capsys):
    kind = type(families.build(config.recipe("ae")))
    monkeypatch.setattr(kind, "is_conditional", False)
    for args in (
        ["sample", "--digit", "3"],
        ["sample", "--digits", "2024"],
        ["interpolate", "--from", "3", "--to", "8"],
        ["interpolate", "--digits", "012"],
    ):
        with pytest.raises(UserError, match=rf"draws any digit.*leave out {args[1]}"):
            main.run([args[0], "--model", "ae", *args[1:]])
    assert main.run(["sample", "--model", "ae", "--count", "3", "--out", "x.npz"]) == 0
    with np.load("x.npz") as found:
        assert found["labels"].tolist() == [-1, -1, -1]
    assert main.run(["sample", "--model", "ae", "--digit", "any", "--count", "2"]) == 0
    assert main.run(["interpolate", "--model", "ae", "--between", "test:1", "test:2"]) == 0
    capsys.readouterr()
    assert main.run(["evaluate", "--model", "ae", "--count", "70"]) == 0
    told = capsys.readouterr().out
    assert "none asked for" in told and "no digits asked for" in told


@dataclass(frozen=True)
class Layers:
    layers: tuple[int, ...] = (784, 30)
    """Units of each layer."""


def test_several_numbers_are_one_argument_with_commas(capsys):
    def parse(*args):
        return reading.parse(Layers(), "train", "", list(args)).layers

    assert parse() == (784, 30)
    assert parse("--layers", "1000,500,250") == (1000, 500, 250)
    assert parse("--layers=7") == (7,)
    for wrong in ("1000,", "a,b", "3.5", ""):
        with pytest.raises(UserError, match="--layers"):
            parse("--layers", wrong)
    with pytest.raises(SystemExit):
        parse("--help")
    told = capsys.readouterr().out
    assert "--layers N,N,..." in told and "784,30" in told


def test_a_trajectory_shows_every_step(there):
    if config.recipe(there).family != "ddpm":
        with pytest.raises(UserError, match="no trajectory"):
            main.run(["sample", "--model", there, "--trajectory", "x.gif"])
        return
    asked = ["sample", "--model", there, "--digits", "12", "--trajectory"]
    assert main.run([*asked, "few.gif", "--steps=3"]) == 0
    with Image.open("few.gif") as film:
        assert film.n_frames == 4  # the noise, and three steps
        assert film.width >= 800
    assert main.run([*asked, "even.gif"]) == 0
    with Image.open("even.gif") as film:
        assert film.n_frames > 20  # of 51, where a frame like the one before is no new one


def test_a_tour_ends_where_it_began(there, capsys):
    way = ["interpolate", "--model", there, "--digits", "121", "--frames", "3"]
    assert main.run([*way, "--out", "round.npz"]) == 0
    told = capsys.readouterr().out
    if there == "ae":  # whose digits cannot be read after two steps
        assert re.search(r"^\d of 3 ends cannot be read: train the model for longer$", told, re.M)
    with np.load("round.npz") as found:
        assert np.array_equal(found["images"][0], found["images"][-1])
        assert not np.array_equal(found["images"][0], found["images"][2])


def test_evaluate_reports_figures(here, capsys):
    runs.tiny("vae")
    assert main.run(["evaluate", "--model", "vae", "--count", "70"]) == 0
    told = capsys.readouterr().out
    assert "Frechet" in told
    report = json.loads(Path("runs/vae/report.json").read_text())
    assert report["n"] == 70
    assert report["step"] == 2
    assert report["codes"]["squared_error"] > 0
    assert "reconstruction: squared error" in told
    assert 0 <= report["generated"]["recognised"]["value"] <= 1


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["trian"], "did you mean train"),
        (["train"], "which model"),
        (["train", "--model", "dpm"], "did you mean ddpm"),
        (["train", "--model", "ddpm", "--stepz", "3"], "--steps"),
        (["train", "--model", "ddpm", "--steps", "0"], "--steps 0"),
        (["train", "--model", "ddpm", "--steps", "-5"], "--steps -5"),
        (["train", "--model", "ddpm", "--steps", "many"], "--steps: many is not a number"),
        (["train", "--model", "ddpm", "--optim.decay", "steep"], "--optim.decay steep cannot be"),
        (["train", "--model", "ddpm", "--net.width", "30"], "--net.width 30"),
        (["train", "--model", "ddpm", "--data", "mnits"], "mnist"),
        (["train", "--model", "ddpm", "--data", "idx:nowhere"], "nowhere"),
        (["train", "--model", "ddpm", "--batch", "7"], "--batch 7"),
        (["sample", "--run", "elsewhere", "--digit", "3"], "elsewhere"),
        (["evaluate"], "which model"),
        (["bench", "--model", "none"], "no model"),
    ],
)
def test_mistakes_are_one_sentence(args, says, here):
    with pytest.raises(UserError) as refused:
        main.run(args)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--digit", "12"], "--digit 12"),
        (["--digits", "20x4"], "--digits 20x4"),
        (["--count", "0"], "--count 0"),
        (["--out", "x.jpg"], "x.jpg"),
        (["--steps", "5000"], "--steps 5000"),
        (["--trajectory", "x.png"], "--trajectory x.png"),
        (["--digits", "2024", "--digit", "3"], "--digits"),
    ],
)
def test_sample_refuses_what_cannot_be_drawn(args, says, here):
    runs.tiny("ddpm")
    with pytest.raises(UserError, match=says):
        main.run(["sample", "--model", "ddpm", *args])


def test_a_run_of_another_model_is_refused(ae):
    with pytest.raises(UserError, match="no model is called"):
        main.run(["sample", "--model", "other", "--run", "ae"])


def test_a_mistake_exits_with_2_and_no_traceback_where_output_is_not_utf8(here):
    done = subprocess.run(
        [*training.JAXGEN, "train", "--model", "ddpm", "--stepz", "3"],
        env=training.environment(PYTHONIOENCODING="ascii"),
        text=True,
        capture_output=True,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "--stepz" in done.stderr and "(did you mean --steps?)" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not list(here.iterdir())


def test_no_room_exits_with_2_and_no_traceback(monkeypatch, capsys):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device", "digits.npz")

    monkeypatch.setattr(main, "run", full)
    with pytest.raises(SystemExit, match="2"):
        main.main()
    told = capsys.readouterr().err
    assert told == "jaxgen: No space left on device (digits.npz): make room and start again\n"


@pytest.mark.parametrize("verb", main.VERBS)
def test_help_is_there_with_examples_and_speaks_of_none(verb, capsys):
    for args in [[verb]] if verb != "apply" else [[verb, "complete"], [verb, "sheet"]]:
        try:
            assert main.run([*args, "--help"]) == 0
        except SystemExit as stop:
            assert not stop.code
        told = capsys.readouterr().out
        assert "examples:" in told and f"\n  bin/{verb} " in told
        assert not re.search(r"\{None|: None|STR\b|INT\b", told)


def test_ctrl_c_saves_and_exits_with_130(here):
    process = training.begin(
        *("train", "--model", "ddpm", *runs.TINY, "--steps=100000", *flags("ddpm"))
    )
    while process.poll() is None and not Path("runs/ddpm/checkpoints/2").exists():
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    told, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "saved; the same command goes on from there" in told


@pytest.mark.parametrize("error", [MemoryError("16 EiB"), "RESOURCE_EXHAUSTED: Out of memory"])
def test_a_want_of_memory_is_one_sentence(monkeypatch, capsys, error):
    def fail(args):
        raise error if isinstance(error, Exception) else jax.errors.JaxRuntimeError(error)

    monkeypatch.setattr(main, "run", fail)
    with pytest.raises(SystemExit, match="2"):
        main.main(["train"])
    told = capsys.readouterr().err
    assert told.startswith("jaxgen: no memory is left for that") and told.count("\n") == 1


def test_another_error_of_the_runtime_is_a_mistake_of_ours(monkeypatch):
    def fail(args):
        raise jax.errors.JaxRuntimeError("INTERNAL: something")

    monkeypatch.setattr(main, "run", fail)
    with pytest.raises(jax.errors.JaxRuntimeError):
        main.main(["train"])


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("compare --steps 1", "report.md"),
        ("compare --quiz", "quiz.html"),
        ("study latent", "results.csv"),
        ("reproduce hinton2006", "reproduction.md"),
        ("apply augment --study", "report.json"),
    ],
)
def test_a_report_replaces_no_file_of_ones_own(here, command, name):
    Path("mine").mkdir()
    Path("mine", name).write_text("my own words")
    with pytest.raises(UserError, match=f"mine/{name} exists already: name another path"):
        main.run([*command.split(), "--out", "mine"])
    assert [path.name for path in Path("mine").iterdir()] == [name]
    assert Path("mine", name).read_text() == "my own words"
