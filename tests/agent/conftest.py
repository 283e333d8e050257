# SPDX-License-Identifier: GPL-2.0-only
"""zpackd on this machine, and its API, for the tests that need no guest."""

from pathlib import Path
from typing import Iterator

import pytest

from api.local_daemon import LocalDaemon, compile_protos


@pytest.fixture(scope="session")
def protos(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The API's messages can be imported."""
    compile_protos(tmp_path_factory.mktemp("protos"))


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[LocalDaemon]:
    """One that has a device, and Unix sockets only."""
    with LocalDaemon(tmp_path) as daemon:
        yield daemon
