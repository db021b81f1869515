"""What the tests of data ask of errors and of digits."""

import numpy as np
import pytest
from hypothesis import settings

from jaxgen.data.split import Split
from jaxgen.errors import UserError

quick = settings(max_examples=60, deadline=None)


def sentence(call, *args) -> str:
    """What the UserError says, which is one line."""
    with pytest.raises(UserError) as caught:
        call(*args)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def equal(one: tuple[Split, ...], other: tuple[Split, ...]) -> bool:
    return all(
        np.array_equal(a.images, b.images) and np.array_equal(a.labels, b.labels)
        for a, b in zip(one, other, strict=True)
    )
