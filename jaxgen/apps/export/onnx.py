"""Functions of a model as ONNX, by jax2onnx, compared with JAX in onnxruntime."""

import contextlib
import logging
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import jaxpr_as_fun
from jax.interpreters import partial_eval

from jaxgen import extras
from jaxgen.apps.export.functions import Function
from jaxgen.errors import UserError
from jaxgen.training.weights import named

OPSET = 23
COUNTS = (1, 7, 64)  # images in the calls that are compared
PINNED = "jax2onnx==0.17.1"
# What jax2onnx imports. Its own list asks for an orbax-checkpoint that is older than jaxgen's, and
# which it does not import.
IMPORTED = "dm-pix einops equinox onnx onnx-ir onnxruntime sympy"
# What a user can do about a function that ONNX cannot hold: for a file, and for the page.
_OTHER_FILE = "let the file end in .stablehlo"
_OTHER_RUN = "the page cannot show this run, leave it out"


def require() -> None:
    """Raise UserError if the packages for ONNX are not installed."""
    for module in ("jax2onnx", "onnxruntime"):
        extras.require("ONNX", module, f"--no-deps {PINNED}", IMPORTED)


def to_bytes(function: Function, name: str, metadata: dict[str, str]) -> bytes:
    """The function for any number n of images, ``name`` in words. Raises UserError if it draws
    random numbers, or if jax2onnx cannot convert it."""
    import onnx

    arguments, inputs = function.arguments(), list(function.inputs)
    outputs = list(function.outputs)
    proto = _converted(function.call, arguments, inputs, outputs, name, _OTHER_FILE)
    onnx.helper.set_model_props(proto, metadata)
    return proto.SerializeToString()


def graph(function: Function, name: str) -> bytes:
    """The same without its weights: they are initializers in files of their own ("external data"),
    each by the name of its place in the variables."""
    import onnx

    weights = named(function.variables)
    call, arguments, inputs = apart(function)
    proto = _converted(call, arguments, inputs, list(function.outputs), name, _OTHER_RUN)
    used = _remove_unused(proto.graph)
    for given in list(proto.graph.input)[: len(weights)]:
        proto.graph.input.remove(given)
        if given.name in used:
            array = weights[given.name]
            tensor = proto.graph.initializer.add()
            tensor.name, tensor.data_type = given.name, given.type.tensor_type.elem_type
            tensor.dims.extend(array.shape)
            tensor.data_location = onnx.TensorProto.EXTERNAL
            place = tensor.external_data.add()
            place.key, place.value = "location", given.name
    return proto.SerializeToString()


def apart(
    function: Function,
) -> tuple[Callable[..., tuple], list[jax.ShapeDtypeStruct], list[str]]:
    """The function of its weights and its inputs, the shapes of both, and their names."""
    weights = named(function.variables)
    form = jax.tree.structure(function.variables)

    def call(*arrays):
        leaves, rest = arrays[: len(weights)], arrays[len(weights) :]
        return function.apply(jax.tree.unflatten(form, leaves), *rest)

    shapes = [jax.ShapeDtypeStruct(leaf.shape, leaf.dtype) for leaf in weights.values()]
    return call, shapes + function.arguments(), [*weights, *function.inputs]


def weights(content: bytes) -> list[str]:
    """The names of the initializers that a ``graph`` has in files of their own."""
    import onnx

    initializers = onnx.load_from_string(content).graph.initializer
    return [each.name for each in initializers if each.external_data]


def _converted(
    call: Callable[..., tuple],
    arguments: list[jax.ShapeDtypeStruct],
    inputs: list[str],
    outputs: list[str],
    name: str,
    way_out: str,
) -> Any:
    """The ``onnx.ModelProto`` of a call, without constants that nothing uses. A UserError ends in
    the ``way_out``."""
    import onnx
    from jax2onnx import to_onnx

    jaxpr = _without_dead_code(call, arguments)
    if _draws(jaxpr.jaxpr):
        raise UserError(
            f"the {name} draws random numbers, which ONNX does not have: {way_out}, or for "
            "diffusion take --sampler ddim, dpmpp or fast"
        )
    with _quiet():
        try:
            # Not the function itself: jax2onnx would replace parts of jax.numpy while it runs.
            proto = to_onnx(
                _with_outputs_apart(jaxpr),
                arguments,
                model_name=name.replace(" ", "_"),
                opset=OPSET,
                input_names=inputs,
                output_names=outputs,
            )
        except Exception as error:
            found = f"{type(error).__name__}: {error}".splitlines()[0]
            raise UserError(f"jax2onnx cannot convert the {name} ({found}): {way_out}") from error
    assert isinstance(proto, onnx.ModelProto)
    _remove_unused(proto.graph)
    return proto


def difference(content: bytes, function: Function) -> float:
    """The largest difference between onnxruntime and JAX, of calls with ``COUNTS`` images.
    Raises UserError if onnxruntime cannot run the file."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # only what is fatal
    found = []
    try:
        session = onnxruntime.InferenceSession(content, options, ["CPUExecutionProvider"])
        for count in COUNTS if function.count is None else (function.count,):
            arrays = function.examples(count)
            ours = jax.jit(function.call)(*arrays.values())
            theirs = session.run(None, {name: np.asarray(a) for name, a in arrays.items()})
            for a, b in zip(ours, theirs, strict=True):
                found.append(np.abs(np.asarray(a, np.float64) - np.asarray(b)).max())
    except Exception as error:  # onnxruntime has no base class for its exceptions
        said = " ".join(f"{error}".split())[:200]
        raise UserError(f"onnxruntime cannot run the file ({said}): {_OTHER_FILE}") from error
    return float(max(found))


def _without_dead_code(call: Callable[..., tuple], arguments: list[jax.ShapeDtypeStruct]) -> Any:
    """A function as JAX traces it, without what no output needs, such as keys of which nothing is
    drawn."""
    closed = jax.jit(call).trace(*arguments).jaxpr
    needed = [True] * len(closed.jaxpr.outvars)
    lean, _ = partial_eval.dce_jaxpr(closed.jaxpr, needed, instantiate=True)
    return closed.replace(jaxpr=lean)


def _with_outputs_apart(jaxpr: Any) -> Callable[..., list]:
    """The function of a jaxpr, in which each output is a value of its own: jax2onnx gives a value
    one name, so that no output can be an input, or another output."""
    taken, copied = {id(variable) for variable in jaxpr.jaxpr.invars}, []
    for variable in jaxpr.jaxpr.outvars:
        copied.append(id(variable) in taken)
        taken.add(id(variable))

    def call(*arrays):
        found = jaxpr_as_fun(jaxpr)(*arrays)
        return [1 * array if copy else array for array, copy in zip(found, copied, strict=True)]

    return call


def _draws(jaxpr: Any) -> bool:
    """Whether a key occurs in a jaxpr, or in one within it."""
    for equation in jaxpr.eqns:
        if any(jnp.issubdtype(v.aval.dtype, jax.dtypes.prng_key) for v in equation.outvars):
            return True
        inner = jax.tree.leaves(list(equation.params.values()), is_leaf=_is_jaxpr)
        if any(_draws(getattr(part, "jaxpr", part)) for part in inner if _is_jaxpr(part)):
            return True
    return False


def _is_jaxpr(value: Any) -> bool:
    return hasattr(value, "eqns")


def _remove_unused(graph: Any) -> set[str]:
    """Remove constants that nothing uses from a graph and from those within it, of which
    onnxruntime warns one by one; returns the names that the graph uses."""
    inner = [a.g for node in graph.node for a in node.attribute if a.HasField("g")]
    used = set().union(*(node.input for node in graph.node), *map(_remove_unused, inner))
    used |= {output.name for output in graph.output}
    kept = [constant for constant in graph.initializer if constant.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    return used


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without what jax2onnx and its packages warn of: it is for their own developers."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
