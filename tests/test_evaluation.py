"""The judge and its measures: known answers, the authors' own code, and what must not pass."""

import hashlib
import json
import math

import jax
import jax.numpy as jnp
import numpy as np
import prdc
import pytest
import safetensors.numpy
import scipy.linalg

from jaxgen import data
from jaxgen.classes import ANY
from jaxgen.data import partition
from jaxgen.data.split import Split
from jaxgen.errors import UserError
from jaxgen.evaluation import classifier, evaluate, metrics, reference
from jaxgen.evaluation import judge as judges
from jaxgen.evaluation.distort import distort

N = 200  # images, where the number does not matter


@pytest.fixture(scope="module")
def digits():
    return data.load("mnist")


@pytest.fixture(scope="module")
def judge():
    return judges.load()


@pytest.fixture(scope="module")
def measured(judge, digits):
    return reference.measure(judge, digits, N)


def features(seed, n, d=8):
    """Correlated, of unequal scales, away from 0."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + rng.normal(size=d)


def whitened(n, d):
    """Features whose mean is 0 and whose covariance is 1, exactly."""
    draws = features(0, n, d)
    draws = draws - draws.mean(0)
    return draws @ np.linalg.inv(np.linalg.cholesky(np.cov(draws, rowvar=False))).T


# ---------------------------------------------------------------------------- measures


def test_frechet_of_a_set_with_itself_is_zero():
    same = features(0, 300, 64).astype(np.float32)
    assert metrics.frechet(same, same) == pytest.approx(0, abs=1e-6)
    assert metrics.frechet(same, same[::-1]) == pytest.approx(0, abs=1e-6)


def test_frechet_equals_the_papers_formula():
    a, b = features(1, 500), features(2, 400)
    mean_a, mean_b, cov_a, cov_b = a.mean(0), b.mean(0), np.cov(a.T), np.cov(b.T)
    root = scipy.linalg.sqrtm(cov_a @ cov_b).real
    expected = ((mean_a - mean_b) ** 2).sum() + np.trace(cov_a + cov_b - 2 * root)
    assert metrics.frechet(a, b) == pytest.approx(expected, rel=1e-9)
    assert metrics.frechet(a, b) == pytest.approx(metrics.frechet(b, a), rel=1e-9)


def test_frechet_of_known_gaussians():
    base = whitened(500, 4)
    scales_a, scales_b = np.array([1, 2, 3, 4.0]), np.array([2, 2, 1, 0.0])  # one singular
    shift = np.array([3, 0, 0, 4.0])
    expected = 25 + ((scales_a - scales_b) ** 2).sum()
    got = metrics.frechet(base * scales_a, base * scales_b + shift)
    assert got == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("n", "m", "k"), [(300, 300, 5), (1203, 640, 3)])
def test_prdc_equals_the_authors_code(n, m, k):
    real, fake = np.split(features(3, n + m), [n])
    fake = fake * 0.8 + 0.8
    expected = prdc.compute_prdc(real_features=real, fake_features=fake, nearest_k=k)
    assert metrics.prdc(real, fake, k)._asdict() == pytest.approx(expected, abs=1e-12)
    assert all(0.2 < expected[name] < 0.99 for name in ("precision", "recall", "coverage"))


def test_prdc_of_strangers_is_zero():
    real = features(4, 100)
    assert metrics.prdc(real, real + 1000) == (0, 0, 0, 0)


def test_class_entropy():
    assert metrics.class_entropy([7] * 10) == pytest.approx(math.log(10))
    assert metrics.class_entropy([5, 5] + [0] * 8) == pytest.approx(math.log(2))
    assert metrics.class_entropy([9] + [0] * 9) == 0


def test_the_spread_of_a_digit_is_the_mean_distance_of_its_pairs():
    points = np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 0.0], [7.0, 7.0]])
    spreads = metrics.spreads(points, np.array([1, 1, 1, 2]), 10)
    assert spreads[1] == pytest.approx((5 + 0 + 5) / 3, abs=1e-6)
    assert np.isnan(spreads[0]) and np.isnan(spreads[2])  # none, and one that has no other


def test_counts_of_logits():
    logits, labels = np.eye(10)[[3, 3, 5, 9]], np.array([3, 4, 5, ANY])
    assert metrics.hits(logits, labels) == 2
    assert metrics.accuracy(logits, labels) == 0.5
    assert metrics.histogram(logits) == (0, 0, 0, 2, 0, 1, 0, 0, 0, 1)


def test_images_of_a_digit_that_are_all_alike_have_no_relative_spread():
    found = reference.relative((1.0, 2.0, 0.0), (2.0, 0.0, 0.0))
    assert found[0] == 0.5 and math.isnan(found[1]) and math.isnan(found[2])


def test_a_judge_learns_from_fewer_images_than_a_batch():
    few, said = data.load("synthetic:200").train, []
    few = Split(few.images[:30], few.labels[:30])
    network = judges.Network(classes=10)
    classifier.fit(network, few, steps=2, batch=40, floor=few, report=said.append)
    assert len(said) == 2 and said[1].startswith("epoch 2 of 2")


def test_planted_copies_are_found():
    rng = np.random.default_rng(0)
    train = rng.integers(0, 256, (700, 28, 28, 1), dtype=np.uint8)
    images = rng.integers(0, 256, (600, 28, 28, 1), dtype=np.uint8)
    images[7] = train[650]
    images[580] = np.clip(train[3] + rng.normal(0, 25, train[3].shape), 0, 255).astype(np.uint8)
    found = metrics.copies(images, train)
    assert np.flatnonzero(found.copied).tolist() == [7, 580]
    assert found.nearest[[7, 580]].tolist() == [650, 3]
    assert found.distance[7] == 0
    assert found.proportion == pytest.approx(2 / 600)
    plain = np.linalg.norm(
        (images[:5, None] / 255.0 - train[None] / 255.0).reshape(5, 700, -1), axis=2
    )
    assert found.nearest[:5].tolist() == plain.argmin(1).tolist()
    assert found.distance[:5] == pytest.approx(plain.min(1), rel=1e-5)
    ratio = np.divide(*np.sort(plain, axis=1)[:, :2].T)
    assert found.ratio[:5] == pytest.approx(ratio, rel=1e-5)


def test_copies_of_real_digits_are_found_under_noise(digits):
    source = digits.train.images[:N]
    noisy = np.rint(reference.noisy(source) * 255).astype(np.uint8)
    assert metrics.copies(noisy, digits.train.images).proportion > 0.85
    assert metrics.copies(digits.test.images[:N], digits.train.images).proportion < 0.02


# ---------------------------------------------------------------------------- judge


def test_the_shipped_file():
    content = judges.WEIGHTS.read_bytes()
    assert len(content) <= 2**20
    assert hashlib.sha256(content).hexdigest() == judges.SHA256 == judges.load().hash


def test_the_judge_recognises_the_test_digits(judge, digits):
    logits, features = judges.look(judge, digits.test.images)
    assert features.shape == (10_000, judge.network.widths[-1])
    assert metrics.accuracy(logits, digits.test.labels) >= 0.995


def test_what_the_judge_says_does_not_depend_on_the_others(judge, digits):
    images = digits.test.images[:130]
    logits, features = judges.look(judge, images)
    for start, stop in [(0, 1), (0, 50), (49, 130), (129, 130)]:
        part = judges.look(judge, images[start:stop])
        assert (part[0] == logits[start:stop]).all()
        assert (part[1] == features[start:stop]).all()


def test_looking_is_the_pure_function(judge, digits):
    images = digits.test.images[:20]
    scaled = jnp.asarray(images, jnp.float32) / 255
    for got, expected in zip(judges.look(judge, images), jax.jit(judge.apply)(scaled), strict=True):
        assert got == pytest.approx(np.asarray(expected), abs=1e-4)
    same = judges.look(judge, np.asarray(scaled))
    assert same[1] == pytest.approx(judges.look(judge, images)[1], abs=1e-4)


@pytest.mark.parametrize("damage", ["altered", "cut", "missing"])
def test_damaged_weights_are_refused(tmp_path, damage):
    path = tmp_path / "judge.safetensors"
    content = bytearray(judges.WEIGHTS.read_bytes())
    content[-1000] ^= 1
    if damage != "missing":
        path.write_bytes(content if damage == "altered" else content[:-1])
    with pytest.raises(UserError, match="install jaxgen again"):
        judges.load(path)


def test_a_file_that_holds_no_judge_is_refused(tmp_path):
    path = tmp_path / "other.safetensors"
    path.write_bytes(b"no judge")
    with pytest.raises(UserError, match="holds no judge"):
        judges.load(path, None)


def test_training_repeats_itself(tmp_path):
    digits = data.load("synthetic:600")
    network = judges.Network((12, 8, 16))

    def bytes_of(seed):
        fitted = classifier.fit(network, digits.train, 3, seed=seed, floor=digits.test)
        return b"".join(np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(fitted))

    first = bytes_of(0)
    assert first == bytes_of(0)
    assert first != bytes_of(1)


@pytest.mark.parametrize("network", [judges.Network((4, 4, 8)), judges.Layered((4,), (8,))])
def test_a_trained_judge_can_be_loaded(network, tmp_path, monkeypatch):
    strokes = data.load("synthetic:300")
    monkeypatch.setattr(
        judges, "parts", lambda digits: (strokes.train, strokes.valid, strokes.test)
    )
    told = []
    path = tmp_path / "mine.safetensors"
    accuracy = judges.train(path, told.append, steps=2, network=network)
    judge = judges.load(path, None, None if isinstance(network, judges.Network) else network)
    assert judge.network == network
    assert judge.hash in told[-1]
    logits, _ = judges.look(judge, strokes.test.images)
    assert metrics.accuracy(logits, strokes.test.labels) == accuracy


def test_the_judge_learns_from_no_floor_digit():
    learned, floor, test = judges.parts(data.load("mnist"))
    seen = {image.tobytes() for image in learned.images}
    assert not seen & {image.tobytes() for part in (floor, test) for image in part.images}
    valid = data.load("mnist").valid
    assert {image.tobytes() for image in valid.images} <= {i.tobytes() for i in floor.images}
    assert [len(part.labels) for part in (learned, floor, test)] == [50_000, 10_000, 10_000]


def test_distortions_add_no_noise(digits):
    images = jnp.asarray(digits.train.images[:50], jnp.float32) / 255
    run = jax.jit(distort)
    bent = run(images, jax.random.key(0))
    assert (run(jnp.zeros_like(images), jax.random.key(0)) == 0).all()
    assert bent.min() >= 0
    assert bent.max() <= 1 + 1e-6
    assert (bent == run(images, jax.random.key(0))).all()
    assert 0.01 < jnp.abs(bent - images).mean() < 0.1
    same = run(images[:1].repeat(50, 0), jax.random.key(0))
    assert (same[0] == bent[0]).all()
    assert (same[0] != same[1]).any()


# ---------------------------------------------------------------------------- reference


@pytest.mark.parametrize("n", [1, 65, 999, 5000, 10_000, 12_345])
def test_labels_have_the_test_digits_frequencies(digits, n):
    counts = np.bincount(digits.test.labels)
    labels = reference.labels_like(digits.test.labels, n)
    assert labels.shape == (n,)
    assert labels.dtype == np.int32
    assert np.abs(np.bincount(labels, minlength=10) - n * counts / 10_000).max() < 1
    if n == 10_000:
        assert (np.bincount(labels) == counts).all()
        assert np.abs(np.bincount(labels[:1000]) - counts / 10).max() < 2


def test_a_subset_is_fixed_and_like_the_whole(digits):
    some = partition.subset(digits.test, 1000)
    again = partition.subset(digits.test, 1000)
    assert (some.images == again.images).all()
    expected = np.sort(reference.labels_like(digits.test.labels, 1000))
    assert (np.sort(some.labels) == expected).all()
    whole = partition.subset(digits.test, 10_000)
    assert (whole.images == digits.test.images).all()


def test_the_floor_is_what_the_judge_has_not_seen(digits):
    got = {image.tobytes() for image in reference.floor(digits).images}
    assert got == {image.tobytes() for image in judges.parts(data.load("mnist"))[1].images}


def test_real_digits_measure_up(measured):
    floor = measured.figures
    assert 0 < floor.frechet < measured.unit
    assert floor.recognised is not None
    assert floor.recognised.low < floor.recognised.value < floor.recognised.high
    assert min(floor.prdc) > 0.8
    assert floor.copied < 0.02
    low, high = floor.frechet_interval
    assert low < floor.frechet < high
    assert measured.mixtures.real == pytest.approx(0.5, abs=11 / N)
    assert measured.mixtures.floor == pytest.approx(0.5, abs=11 / N)


def test_the_validation_digits_have_a_reference_of_their_own(judge, digits):
    valid = reference.measure(judge, digits, N, "valid")
    assert (valid.features == judges.look(judge, partition.subset(digits.valid, N).images)[1]).all()
    seen = {image.tobytes() for image in digits.valid.images}
    assert not seen & {image.tobytes() for image in reference.floor(digits, "valid").images}
    assert 0 < valid.figures.frechet < valid.unit
    same = partition.subset(digits.valid, N)
    report = evaluate.evaluate(same.images, same.labels, "mnist", judge, reference=valid)
    assert report.generated.frechet == pytest.approx(0, abs=1e-6)
    assert report.like_real
    assert "validation digits of mnist" in report.table()
    assert report.to_dict()["against"] == "valid"
    with pytest.raises(UserError, match="at most 5000"):
        reference.measure(judge, digits, 5001, "valid")


def test_noise_is_fixed_and_clipped(digits):
    images = digits.test.images[:50]
    noisy = reference.noisy(images)
    assert (noisy == reference.noisy(images)).all()
    assert noisy.min() == 0
    assert noisy.max() == 1
    grey = np.full((50, 28, 28, 1), 128, np.uint8)
    assert reference.noisy(grey).std() == pytest.approx(0.1, rel=0.02)


@pytest.mark.parametrize(("n", "named"), [(64, "at least 65"), (10_001, "at most 10000")])
def test_too_few_or_too_many_are_refused(judge, digits, n, named):
    with pytest.raises(UserError, match=named):
        reference.measure(judge, digits, n)


# ---------------------------------------------------------------------------- evaluate


def test_the_test_digits_themselves_are_perfect(judge, digits, measured):
    same = partition.subset(digits.test, N)
    report = evaluate.evaluate(same.images, same.labels, "mnist", judge, 7, reference=measured)
    assert report.generated.frechet == pytest.approx(0, abs=1e-6)
    assert report.generated.prdc[:2] == (1, 1)
    assert report.generated.recognised == report.real.recognised
    assert report.like_real
    assert report.generated.diversity == pytest.approx(1)
    assert (report.n, report.seed, report.judge) == (N, 7, judge.hash)
    assert report.generated.frechet < report.real.frechet
    assert "by other writers" in report.table()  # why drawn digits can be nearer than real ones


def test_digits_that_are_all_alike_have_no_diversity(judge, digits, measured):
    like = partition.subset(digits.test, N)
    first = [int(np.flatnonzero(digits.train.labels == digit)[0]) for digit in range(10)]
    images = digits.train.images[first][like.labels]
    report = evaluate.evaluate(images, like.labels, "mnist", judge, reference=measured)
    assert report.generated.diversity < 0.01 < 0.7 < report.real.diversity
    assert json.dumps(report.to_dict())


def test_copies_and_wrong_digits_are_told(judge, digits, measured):
    images, labels = digits.train.images[:N], (digits.train.labels[:N] + 1) % 10
    report = evaluate.evaluate(images, labels, "mnist", judge, reference=measured)
    assert report.generated.recognised is not None
    assert report.generated.recognised.value < 0.02
    assert report.generated.copied == 1
    assert [near.train for near in report.closest] == [near.image for near in report.closest]
    assert not report.like_real
    for one in report.by_digit:
        assert one is not None
        assert one.value < 0.1


def test_a_float_image_is_judged_as_its_file(judge, digits, measured):
    part = Split(digits.valid.images[:N], digits.valid.labels[:N])
    floats = part.images[..., 0] / 255 + np.random.default_rng(0).uniform(-1, 1, (N, 28, 28)) / 600
    shown = floats.clip(0, 1).astype(np.float32)
    reports = [
        evaluate.evaluate(images, part.labels, "mnist", judge, reference=measured)
        for images in (part.images, shown)
    ]
    assert reports[0] == reports[1]


def test_any_digit_is_never_recognised_as_asked(judge, digits, measured):
    labels = np.full(N, ANY)
    report = evaluate.evaluate(digits.valid.images[:N], labels, "mnist", judge, reference=measured)
    assert report.generated.recognised is None
    assert "none asked for" in report.table()
    assert json.loads(json.dumps(report.to_dict()))["generated"]["recognised"] is None


def test_a_model_of_one_population_is_told(judge, digits, measured):
    test = digits.test
    for one, half in enumerate((slice(0, 5000), slice(5000, None))):
        few = partition.subset(Split(test.images[half], test.labels[half]), N)
        report = evaluate.evaluate(few.images, few.labels, "mnist", judge, reference=measured)
        found = report.generated.population
        assert found is not None
        assert (found.value > 0.7) if one else (found.value < 0.3)
        assert "resemble population 1" in report.table()


def test_a_model_of_the_former_split_is_not_to_be_compared(judge, measured):
    few = partition.subset(data.load("mnist").valid, N)
    report = evaluate.evaluate(few.images, few.labels, "strided:mnist", judge, reference=measured)
    assert "do not compare" in report.table()
    assert max(map(len, report.table().splitlines())) <= 80
    assert report.to_dict()["source"] == "strided:mnist"
    with pytest.raises(UserError, match="--against valid cannot be for strided:mnist"):
        reference.measure(judge, data.load("strided:mnist"), N, "valid")


def test_a_judge_of_another_split_is_refused(tmp_path):
    content = safetensors.numpy.load(judges.WEIGHTS.read_bytes())
    former = tmp_path / "former.safetensors"
    former.write_bytes(safetensors.numpy.save(content))
    with pytest.raises(UserError, match="divided by an earlier rule"):
        judges.load(former, None)


def test_the_report_says_everything(judge, digits, measured):
    part = partition.subset(digits.valid, N)
    report = evaluate.evaluate(part.images, part.labels, "mnist", judge, 3, reference=measured)
    told = json.loads(json.dumps(report.to_dict()))
    assert told["judge"] == judges.SHA256
    assert told["generated"]["frechet_in_noise_units"] == report.generated.frechet / measured.unit
    assert set(told["generated"]) == set(told["real"])
    assert sum(told["generated"]["histogram"]) == N
    table = report.table()
    for text in (f"n = {N}", "seed 3", judge.hash[:12], f"{report.generated.prdc.recall:.3f}"):
        assert text in table
    assert max(map(len, table.splitlines())) <= 80  # or a terminal breaks the lines


IMAGES, LABELS = np.zeros((N, 28, 28, 1), np.uint8), np.zeros(N, np.int32)


@pytest.mark.parametrize(
    ("images", "labels", "named"),
    [
        (IMAGES[:, :27], LABELS, "27"),
        (IMAGES.astype(np.int32), LABELS, "int32"),
        (IMAGES - 1.0, LABELS, r"\[0, 1\]"),
        (IMAGES + np.nan, LABELS, r"\[0, 1\]"),
        (IMAGES, LABELS[1:], f"{N} labels"),
        (IMAGES, LABELS + 11, "0 to 9"),
        (IMAGES[1:], LABELS[1:], f"{N - 1} images"),
    ],
)
def test_other_things_than_digits_are_refused(judge, measured, images, labels, named):
    with pytest.raises(UserError, match=named):
        evaluate.evaluate(images, labels, "mnist", judge, reference=measured)
