"""What the faults share."""

import pytest

from tests.faults.links import Cable


@pytest.fixture
def cable():
    cable = Cable()
    try:
        cable.lay()
    except OSError as error:  # no root, no ip, or a system without namespaces
        cable.take_up()
        pytest.skip(f"no hosts as network namespaces here: {error}")
    yield cable
    cable.take_up()
