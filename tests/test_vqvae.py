"""The VQ-VAE: its objective, its codebooks, and the prior of its codes."""

import dataclasses
import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen import config, families
from jaxgen.arrays import ANY, Batch
from jaxgen.configs.vqvae import Net, Sampling
from jaxgen.errors import UserError
from jaxgen.nn import quantisers, transformer
from jaxgen.training.trainer import Trainer
from tests import weights
from tests.conftest import small

KEY = jax.random.key(3)


def recipe(**net) -> config.Config:
    plain = small("vqvae")
    return dataclasses.replace(plain, net=dataclasses.replace(plain.net, **net))


def batch(count: int = 8) -> Batch:
    return Batch(
        jax.random.uniform(jax.random.key(1), (count, 28, 28, 1)),
        jnp.arange(count, dtype=jnp.int32) % 10,
    )


@pytest.fixture(scope="module", params=["ema", "gradient", "fsq"])
def begun(request):
    """A family of each quantiser, with its variables past the first step."""
    family = families.build(recipe(quantiser=request.param, levels=(4, 3)))
    variables = weights.begun(family, KEY, 0.3)
    _, (stats, _) = loss_of(family, variables)
    return family, variables.replace(stats=stats)


@functools.partial(jax.jit, static_argnums=(0, 2))
def loss_of(family, variables, player="model"):
    return family.loss(variables, batch(), KEY, player=player)


def gradient(family, variables, of=None):
    """The gradient of the model's loss, or of what it is made with, at a batch."""

    def loss(own):
        params = variables.params | {"model": own}
        return loss_of(family, variables.replace(params=params))[0]

    return jax.jit(jax.grad(of or loss))(variables.params["model"])


def test_at_once_each_player_has_the_gradient_of_its_own_loss(begun):
    """The autoencoder's loss does not know the prior, and no gradient of the prior reaches it."""
    family, variables = begun
    variables = jax.tree.map(jnp.array, variables)

    def gradients(player):
        def loss(params):
            return family.loss(variables.replace(params=params), batch(), KEY, player=player)[0]

        return jax.jit(jax.grad(loss))(variables.params)

    together = gradients(None)
    for player in family.update_order:
        alone = ravel(gradients(player)[player])
        assert np.abs(alone).max() > 1e-3
        np.testing.assert_allclose(ravel(together[player]), alone, rtol=1e-3, atol=1e-4)


def ravel(tree) -> np.ndarray:
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree)])


def zero(tree) -> bool:
    return all(not leaf.any() for leaf in jax.tree.leaves(tree))


def test_gradients_are_those_of_the_paper(begun):
    """Straight through: the gradient of the error at the rows is that of the encoder's vectors; of
    the other terms each reaches one side only."""
    family, variables = begun
    model, images = variables.params["model"], batch().images
    codes = family.encode(variables, images, batch().labels)
    rows = family.rows(variables)[codes]

    def error(vectors):
        decoded = family.images(variables, vectors)
        return jnp.square(decoded - images).sum((1, 2, 3)).mean()

    def vectors(encoder):
        own = variables.params | {"model": model | {"encoder": encoder}}
        return family.vectors(variables.replace(params=own), images)

    beta = 0.0 if family.config.quantiser == "fsq" else family.config.commitment
    encoded, back = jax.vjp(vectors, model["encoder"])
    (expected,) = back(jax.grad(error)(rows) + beta * 2 * (encoded - rows) / len(images))
    found = gradient(family, variables)
    for a, b in zip(*map(jax.tree.leaves, (found["encoder"], expected)), strict=True):
        assert np.allclose(a, b, rtol=1e-3, atol=1e-4 * np.abs(b).max())
    if family.config.quantiser == "gradient":  # 2 (e - z_e), summed over the vectors that took it
        slope = 2 * (rows - encoded) / len(images)
        size = family.quantiser.size
        _, by_hand = quantisers.totals(slope.reshape(-1, rows.shape[-1]), codes.ravel(), size)
        assert np.allclose(found["codebook"]["rows"], by_hand.ravel(), rtol=1e-3, atol=1e-4)
    else:
        assert zero(found["codebook"])


def test_the_objective_is_a_sum_over_an_image(begun):
    family, variables = begun
    images = batch().images
    loss, (_, metrics) = loss_of(family, variables)
    codes = family.encode(variables, images, batch().labels)
    rows, encoded = family.rows(variables)[codes], family.vectors(variables, images)
    decoded = family.decode(variables, codes, batch().labels, jax.random.split(KEY, 8))
    error = np.square(decoded - images).reshape(8, -1).sum(1).mean()
    apart = np.square(encoded - rows).reshape(8, -1).sum(1).mean()
    weight = {"ema": 0.25, "gradient": 1.25, "fsq": 0.0}[family.config.quantiser]
    assert metrics["reconstruction"] == pytest.approx(error, rel=1e-4)
    assert metrics["quantisation"] == pytest.approx(apart, rel=1e-4)
    assert loss == pytest.approx(error + weight * apart, rel=1e-4)


def test_the_nearest_row_is_taken():
    rows = jax.random.normal(KEY, (16, 4))
    vectors = jax.random.normal(jax.random.key(1), (5, 3, 4))
    distances = np.square(np.asarray(vectors)[..., None, :] - np.asarray(rows)).sum(-1)
    assert np.array_equal(quantisers.nearest(rows, vectors), distances.argmin(-1))
    assert np.array_equal(quantisers.nearest(rows, rows), np.arange(16))


def test_running_averages_are_those_of_the_paper():
    """(6) to (8), which the code writes as a step of the rows."""
    book = quantisers.Ema(size=3, features=2, decay=0.9, restart=0.0)
    rows = jnp.array([[0.0, 0.0], [1.0, 1.0], [5.0, 5.0]])
    counts = jnp.array([2.0, 4.0, 1.0])
    vectors = jnp.array([[0.2, 0.0], [0.0, 0.4], [1.0, 2.0], [0.1, 0.1]])
    codes = jnp.array([0, 0, 1, 0])
    after = book.learn({"rows": rows, "counts": counts}, vectors, codes, KEY)
    taken = np.array([3.0, 1.0, 0.0])
    sums = np.array([[0.3, 0.5], [1.0, 2.0], [0.0, 0.0]])
    new_counts = 0.9 * counts + 0.1 * taken
    means = (0.9 * rows * counts[:, None] + 0.1 * sums) / new_counts[:, None]
    assert np.allclose(after["counts"], new_counts)
    assert np.allclose(after["rows"], means)
    assert np.array_equal(after["rows"][2], rows[2])  # nobody took it


def test_k_means_finds_clusters_and_counts_them():
    centres = jnp.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0], [10.0, 10.0]])
    codes = jnp.repeat(jnp.arange(4), jnp.array([10, 20, 30, 40]), total_repeat_length=100)
    vectors = centres[codes] + 0.1 * jax.random.normal(KEY, (100, 2))
    for seed in range(20):
        rows, counts = quantisers.k_means(vectors, 4, jax.random.key(seed))
        found, sums = quantisers.totals(vectors, quantisers.nearest(rows, vectors), 4)
        assert np.array_equal(counts, found)
        assert np.allclose(sums, rows * counts[:, None], atol=1e-3)  # each row is its mean
        assert counts.sum() == 100
        if sorted(counts.tolist()) == [10, 20, 30, 40]:
            return
    pytest.fail("k-means found the four clusters from none of 20 starts")


def test_k_means_takes_fewer_vectors_than_rows():
    rows, counts = quantisers.k_means(jnp.array([[1.0], [2.0]]), 5, KEY)
    assert np.isfinite(rows).all() and counts.sum() == 2


def test_a_dead_row_is_restarted_and_a_living_one_is_not():
    book = quantisers.Ema(size=4, features=2, decay=0.9, restart=0.1)
    rows = jnp.array([[0.0, 0.0], [1.0, 1.0], [9.0, 9.0], [-9.0, 9.0]])
    vectors = 0.5 + 0.5 * jax.random.uniform(KEY, (40, 2))
    codes = quantisers.nearest(rows, vectors)
    counts = jnp.array([10.0, 10.0, 0.5, 8.0])  # an even share is 10
    after = book.learn({"rows": rows, "counts": counts}, vectors, codes, KEY)
    calm = dataclasses.replace(book, restart=0.0)
    usual = calm.learn({"rows": rows, "counts": counts}, vectors, codes, KEY)
    for living in (0, 1, 3):
        assert np.array_equal(after["rows"][living], usual["rows"][living])
        assert after["counts"][living] == usual["counts"][living]
    assert (vectors == after["rows"][2]).all(-1).any()  # upon a vector of the batch
    assert after["counts"][2] == 10
    # Its count is that of its row: the next average moves it by 0.1 n / (0.9 10 + 0.1 n).
    again = book.learn(after, vectors, jnp.full(40, 2), KEY)
    share = 0.1 * 40 / (0.9 * 10 + 0.1 * 40)
    expected = (1 - share) * after["rows"][2] + share * vectors.mean(0)
    assert np.allclose(again["rows"][2], expected, atol=1e-5)


def test_the_first_step_starts_the_codebook_and_later_ones_do_not():
    family = families.build(recipe())
    variables = weights.begun(family, KEY)
    _, (stats, _) = loss_of(family, variables)
    flat = family.vectors(variables, batch().images).reshape(-1, 4)
    spread = jnp.abs(flat).max(0)
    assert (jnp.abs(stats["codebook"]["rows"]) <= spread + 1e-5).all()  # N(0, 1) before
    assert stats["steps"] == 1
    far = {"rows": 100 + stats["codebook"]["rows"], "counts": stats["codebook"]["counts"] + 99}
    later = variables.replace(stats=stats | {"codebook": far})
    _, (stats, _) = loss_of(family, later)
    untouched = stats["codebook"]["rows"] == far["rows"]
    assert untouched.all(-1).sum() >= 15 - 1  # all but the one that took the vectors


def test_the_batch_is_quantised_before_the_codebook_learns():
    """Else the error that is told, and the gradient, would be those of another codebook."""
    family = families.build(recipe())
    variables = weights.begun(family, KEY)
    _, (stats, _) = loss_of(family, variables)
    variables = variables.replace(stats=stats)
    codes = family.encode(variables, batch().images, batch().labels)
    _, (stats, metrics) = loss_of(family, variables)
    counts = np.bincount(codes.ravel(), minlength=16)
    assert metrics["perplexity"] == pytest.approx(float(quantisers.perplexity(counts)), rel=1e-4)
    assert not np.array_equal(stats["codebook"]["rows"], variables.stats["codebook"]["rows"])


@pytest.mark.parametrize("levels", [(8, 6, 5), (2,), (3, 3), (7, 2, 4, 3)])
def test_fsq_takes_every_code_to_its_row_and_back(levels):
    book = quantisers.Fsq(levels)
    rows = book.rows({}, {})
    assert rows.shape == (math.prod(levels), len(levels))
    assert len(np.unique(np.asarray(rows), axis=0)) == book.size
    assert np.array_equal(quantisers.nearest(rows, rows), np.arange(book.size))
    # The nearest row is what rounding each number to its levels says.
    vectors = book.bound(3 * jax.random.normal(KEY, (200, len(levels))))
    assert np.abs(vectors).max() <= 1
    count = np.array(levels) - 1
    rounded = np.rint((np.asarray(vectors) + 1) / 2 * count) / count * 2 - 1
    assert np.allclose(rows[quantisers.nearest(rows, vectors)], rounded, atol=1e-6)


def test_perplexity_of_even_and_of_single_use():
    assert quantisers.perplexity(jnp.full(16, 3.0)) == pytest.approx(16, rel=1e-5)
    assert quantisers.perplexity(jnp.eye(16)[2]) == pytest.approx(1, rel=1e-5)


def test_usage_remembers_an_epoch():
    family = families.build(recipe())
    usage = {"often": jnp.zeros(16), "idle": jnp.full(16, 429)}
    usage, counts = family.count_usage(usage, jnp.array([[[3, 3], [5, 5]]]))
    assert np.flatnonzero(counts).tolist() == [3, 5]
    assert np.flatnonzero(usage["idle"] < 430).tolist() == [3, 5]
    assert quantisers.perplexity(usage["often"]) == pytest.approx(2, rel=1e-5)
    assert family.bits == 49 * 4


@pytest.fixture(scope="module", params=[0, 3], ids=["free", "tied"])
def prior(request):
    """A prior of grids of five by five with weights that all matter, and rows of its codes."""
    net = transformer.Prior(
        11, side=5, width=16, depth=2, heads=2, classes=10, features=request.param
    )
    table = jax.random.normal(KEY, (11, 3))
    grids = table[jnp.zeros((1, 5, 5), jnp.int32)]
    params = jax.jit(net.init)(KEY, grids, jnp.zeros(1, jnp.int32), table)
    return net, weights.shaken(params, 0.3), table


def test_no_code_is_said_from_itself_or_from_later_ones(prior):
    net, params, table = prior
    codes = jax.random.randint(KEY, (25,), 0, 11)
    labels = jnp.array([4])
    # Row i has another code at position i.
    others = jnp.where(jnp.eye(25, dtype=bool), (codes + 1) % 11, codes)

    def logits(codes):
        return net.apply(params, table[codes.reshape(-1, 5, 5)], labels.repeat(len(codes)), table)

    difference = jnp.abs(logits(others) - logits(codes[None])).max(-1)  # [changed, position]
    earlier = jnp.arange(25)[None] <= jnp.arange(25)[:, None]
    assert (difference[earlier] < 1e-5).all()
    assert (difference[~earlier] > 1e-5).mean() > 0.95
    with_other_digit = net.apply(params, table[codes.reshape(1, 5, 5)], jnp.array([ANY]), table)
    assert (jnp.abs(with_other_digit - logits(codes[None])).max(-1) > 1e-4).all()


def test_step_by_step_says_what_all_at_once_does(prior):
    net, params, table = prior
    codes, labels = jax.random.randint(KEY, (4, 5, 5), 0, 11), jnp.array([0, 3, 9, ANY])
    at_once = net.apply(params, table[codes], labels, table)
    framed, caches = jnp.zeros((4, 6, 7, 3)), net.apply(params, 4, method="begin")
    step = jax.jit(functools.partial(net.apply, method="step"))
    for row, column in np.ndindex(5, 5):
        logits, caches = step(params, framed, caches, row, column, labels, table)
        assert np.allclose(logits, at_once[:, 5 * row + column], atol=1e-4)
        framed = framed.at[:, row + 1, column + 1].set(table[codes[:, row, column]])


def test_tied_logits_are_a_product_with_the_rows():
    """Codes with the same row have the same part of the logits, and it moves with the rows."""
    net = transformer.Prior(11, side=5, width=16, depth=2, heads=2, classes=10, features=3)
    table = jax.random.normal(KEY, (11, 3)).at[7].set(jax.random.normal(KEY, (11, 3))[2])
    codes, labels = jax.random.randint(KEY, (2, 5, 5), 0, 11), jnp.array([1, 2])
    params = weights.shaken(jax.jit(net.init)(KEY, table[codes], labels, table), 0.3)
    said = net.apply(params, table[codes], labels, table)
    free = net.apply(params, table[codes], labels, jnp.zeros((11, 3)))
    part = said - free
    assert np.abs(part).max() > 0.1
    assert np.allclose(part[..., 2], part[..., 7], atol=1e-5)
    twice = net.apply(params, table[codes], labels, 2 * table)
    assert np.allclose(twice - free, 2 * part, atol=1e-4)


def test_samples_are_the_likeliest_codes_when_cold_and_each_from_its_key(prior):
    net, params, table = prior
    noise, labels = transformer.noise(net, jax.random.split(KEY, 6)), jnp.arange(6)
    cold = transformer.sample(net, params, table, noise, labels, 1e-6, 1.0)
    said = net.apply(params, table[cold], labels, table)
    assert np.array_equal(said.argmax(-1), cold.reshape(6, 25))
    warm = transformer.sample(net, params, table, noise, labels, 1.0, 1.0)
    part = transformer.sample(net, params, table, noise[2:4], labels[2:4], 1.0, 1.0)
    assert np.array_equal(warm[2:4], part)
    assert not np.array_equal(warm, cold)


def test_guidance_goes_beyond_the_digit_and_0_and_1_are_without_it(prior):
    net, params, table = prior
    noise, labels = transformer.noise(net, jax.random.split(KEY, 6)), jnp.arange(6)
    none = jnp.full(6, ANY)

    def draw(labels, guidance, temperature=1.0):
        return transformer.sample(net, params, table, noise, labels, temperature, guidance)

    assert np.array_equal(draw(labels, 0.0), draw(none, 1.0))
    far = draw(labels, 3.0, 1e-6)
    both = [net.apply(params, table[far], asked, table) for asked in (labels, none)]
    assert np.array_equal((both[1] + 3 * (both[0] - both[1])).argmax(-1), far.reshape(6, 25))


def test_the_prior_is_drawn_as_it_says():
    """Of an untrained prior every code is as likely."""
    net = transformer.Prior(codes=4, side=2, width=8, depth=1, heads=2, classes=10)
    table = jnp.eye(4)
    grids, labels = table[jnp.zeros((1, 2, 2), jnp.int32)], jnp.zeros(1, jnp.int32)
    params = jax.jit(net.init)(KEY, grids, labels, table)
    noise = transformer.noise(net, jax.random.split(KEY, 2000))
    drawn = transformer.sample(net, params, table, noise, jnp.zeros(2000, jnp.int32), 1.0, 1.0)
    shares = np.stack([(drawn == code).mean(0) for code in range(4)])
    assert np.abs(shares - 0.25).max() < 0.05


def test_the_prior_of_an_untrained_family_takes_as_many_bits_as_the_grid():
    family = families.build(recipe())
    loss, (_, metrics) = loss_of(family, weights.begun(family, KEY), "prior")
    assert metrics["prior/bits"] == pytest.approx(family.bits, rel=1e-5)
    assert loss == pytest.approx(family.bits * math.log(2), rel=1e-5)


def test_blending_is_exact_at_both_ends_and_between_takes_rows_between(begun):
    family, variables = begun
    side, size = family.config.grid, family.quantiser.size
    starts = jax.random.randint(KEY, (3, side, side), 0, size)
    ends = jax.random.randint(jax.random.key(1), (3, side, side), 0, size)
    blended = family.blend(variables, starts, ends, jnp.array([0.0, 0.5, 1.0]))
    assert blended.dtype == jnp.int32
    assert np.array_equal(blended[0], starts[0])
    assert np.array_equal(blended[2], ends[2])
    table = family.rows(variables)
    middle = (table[starts[1]] + table[ends[1]]) / 2
    assert np.array_equal(blended[1], quantisers.nearest(table, middle))


def test_weights_are_drawn_with_as_they_are():
    plain = small("vqvae")
    averaged = dataclasses.replace(plain, optim=dataclasses.replace(plain.optim, ema=0.9))
    with pytest.raises(UserError, match=r"--optim.ema 0.9 cannot be: .* --optim.ema 0 draws"):
        families.build(averaged)
    trainer = Trainer(plain)
    step, state = jax.jit(trainer.step), jax.jit(trainer.init)()
    for _ in range(2):
        state, _ = step(state, batch())
    for a, b in zip(*map(jax.tree.leaves, (state.ema, state.variables.params)), strict=True):
        assert np.array_equal(a, b)


@pytest.mark.parametrize(
    ("net", "says"),
    [
        ({"codes": 1}, "--net.codes 1 cannot be: it must be 2 or more"),
        ({"levels": ()}, r"--net.levels \(none\) cannot be"),
        ({"levels": (8, 1)}, "--net.levels 8 1 cannot be: .* each 2 or more"),
        ({"features": 0}, "--net.features 0"),
        ({"width": 0}, "--net.width 0"),
        ({"blocks": -1}, "--net.blocks -1"),
        ({"commitment": -1.0}, "--net.commitment -1.0"),
        ({"decay": 1.0}, "--net.decay 1.0"),
        ({"restart": 1.0}, "--net.restart 1.0"),
        ({"prior_depth": 0}, "--net.prior-depth 0"),
        ({"prior_width": 90}, "--net.prior-width 90 .*a multiple of --net.prior-heads 4"),
        ({"prior_pace": 0.0}, "--net.prior-pace 0.0"),
        ({"label_drop": 1.0}, "--net.label-drop 1.0"),
    ],
)
def test_networks_that_cannot_be_are_refused_in_one_sentence(net, says):
    with pytest.raises(UserError, match=says):
        Net(**net)


def test_a_temperature_is_above_zero():
    with pytest.raises(UserError, match=r"--sampling.temperature 0.0"):
        Sampling(temperature=0.0)
    with pytest.raises(UserError, match=r"--sampling.guidance -1.0"):
        Sampling(guidance=-1.0)
