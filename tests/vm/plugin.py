# SPDX-License-Identifier: GPL-2.0-only
"""pytest fixtures: guests that tests share, and a look into the kernel log after each test.

    def test_something(vm):                  # a guest with the default configuration
    def test_other(boot):                    # any configuration; equal ones share a guest
        vm = boot(memory_mib=600, disks=[Disk("data", 64)])
    def test_crash(boot_fresh):              # a guest of its own, ended after the test

Each test that asks for a guest runs once for each kernel of --kernel. A test fails if its guests'
kernels reported a problem during it, unless it is marked
@pytest.mark.expects_kernel_problem("regex"); then it fails if no problem matches the regex, or if
there are others. @pytest.mark.only_kernels("debug") leaves a test out elsewhere. After a failed test its guests are not used again.
"""

import os
import re
from typing import Any, Callable, Generator, Iterator

import pytest

from vm import kernels
from vm.errors import GuestDied
from vm.kernels import Kernel
from vm.machine import VM

MAX_IDLE_GUESTS = 3
REPORTED_CONSOLE_LINES = 40

Boot = Callable[..., VM]  # takes the keyword arguments of VM


def start_guest(kernel: Kernel, **configuration: Any) -> VM:
    """Boot a guest; once more if it died before a test could use it.

    Emulated machines on a busy host sometimes do not survive their own boot.
    """
    try:
        return VM(kernel, **configuration)
    except GuestDied as error:
        print(f"booting again, as {error}")
        return VM(kernel, **configuration)


class VMPool:
    """Running guests by configuration; the least recently used one is ended to make room."""

    def __init__(self) -> None:
        self._guests: dict[str, VM] = {}

    def get(self, kernel: Kernel, **configuration: Any) -> VM:
        """A guest with this configuration, running or newly started."""
        key = f"{kernel.directory} {sorted(configuration.items())}"
        guest = self._guests.pop(key, None)
        if guest is not None and guest.crashed:
            guest.close()
            guest = None
        while guest is None and len(self._guests) >= MAX_IDLE_GUESTS:
            self._guests.pop(next(iter(self._guests))).close()
        if guest is None:
            guest = start_guest(kernel, **configuration)
        self._guests[key] = guest  # at the end: the most recently used
        return guest

    def discard(self, guest: VM) -> None:
        """End a guest that must not be used again."""
        self._guests = {key: other for key, other in self._guests.items() if other is not guest}
        guest.close()

    def close(self) -> None:
        """End all guests."""
        for guest in self._guests.values():
            guest.close()
        self._guests.clear()


class Usage:
    """The guests that one test used, and where their kernel logs were before."""

    def __init__(self) -> None:
        self.marks: dict[VM, int] = {}
        self.own: list[VM] = []  # not shared with other tests

    def add(self, guest: VM, own: bool = False) -> None:
        """Note that the test uses this guest from now on."""
        if own:
            self.own.append(guest)
        if guest not in self.marks:
            self.marks[guest] = guest.mark()

    def check(self, expected: str | None) -> None:
        """Fail the test if there were kernel problems, or an expected one did not come."""
        found = [line for guest, mark in self.marks.items() for line in guest.kernel_problems(mark)]
        found += ["the guest crashed" for guest in self.marks if guest.crashed and not expected]
        if expected:
            unexpected = [line for line in found if not re.search(expected, line)]
            if len(unexpected) == len(found):
                pytest.fail(f"the kernel reported no problem that matches {expected!r}", False)
        else:
            unexpected = found
        if unexpected:
            pytest.fail("the kernel reported a problem:\n" + "\n".join(unexpected), False)

    def sections(self, test: str) -> Iterator[tuple[str, str]]:
        """Titles and texts for the report of a failed test."""
        for guest, mark in self.marks.items():
            yield f"kernel log of {guest.kernel} during the test", guest.dmesg(mark)
            tail = guest.console.splitlines()[-REPORTED_CONSOLE_LINES:]
            yield f"end of the console of {guest.kernel}", "\n".join(tail)
        command = os.environ.get("TEST_COMMAND", "python3 -m pytest")
        names = ",".join({guest.kernel.name for guest in self.marks})
        yield "repeat with", f"{command} --kernel {names} '{test}'"


USAGE = pytest.StashKey[Usage]()
FAILED = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --kernel and --guests."""
    parser.addoption(
        "--kernel",
        default="7.3",
        help=f"kernels to test with, separated by commas, of {', '.join(kernels.SERIES)}, all",
    )
    parser.addoption(
        "--guests",
        choices=("all", "only", "none"),
        default="all",
        help="only: leave out what does not depend on the kernel, as another run has it; none: that",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Check --kernel early, declare the marker."""
    config.addinivalue_line(
        "markers",
        "expects_kernel_problem(regex): the test provokes a matching kernel warning or crash",
    )
    config.addinivalue_line(
        "markers", "only_kernels(name, ...): the test is about these kernels and left out on others"
    )
    try:
        kernels.parse_names(config.getoption("--kernel"))
    except ValueError as error:
        raise pytest.UsageError(str(error)) from None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run tests that use a kernel once for each."""
    if "kernel" in metafunc.fixturenames:
        names = kernels.parse_names(metafunc.config.getoption("--kernel"))
        metafunc.parametrize("kernel", names, indirect=True, scope="session")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out tests on kernels that they are not about, and those of no kernel if wanted."""
    guests = config.getoption("--guests")
    kept: list[pytest.Item] = []
    left_out: list[pytest.Item] = []
    for item in items:
        marker = item.get_closest_marker("only_kernels")
        name = item.callspec.params.get("kernel") if hasattr(item, "callspec") else None
        unwanted = (marker and name not in marker.args) or guests == ("none" if name else "only")
        (left_out if unwanted else kept).append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept


@pytest.fixture(scope="session")
def kernel(request: pytest.FixtureRequest) -> Kernel:
    """The kernel that the test runs with."""
    name: str = request.param
    return kernels.get(name)


@pytest.fixture(scope="session")
def vm_pool() -> Iterator[VMPool]:
    """The guests of this test run."""
    pool = VMPool()
    yield pool
    pool.close()


@pytest.fixture
def vm_usage(request: pytest.FixtureRequest, vm_pool: VMPool) -> Iterator[Usage]:
    """Checks the kernel logs of the test's guests after it."""
    usage = request.node.stash[USAGE] = Usage()
    yield usage
    marker = request.node.get_closest_marker("expects_kernel_problem")
    clean = False
    try:
        if not request.node.stash.get(FAILED, False):
            usage.check(marker.args[0] if marker else None)
            clean = marker is None
    finally:
        for guest in usage.own if clean else usage.marks:
            vm_pool.discard(guest)


@pytest.fixture
def boot(kernel: Kernel, vm_pool: VMPool, vm_usage: Usage) -> Boot:
    """Gives a shared guest for the keyword arguments of VM."""

    def get(**configuration: Any) -> VM:
        guest = vm_pool.get(kernel, **configuration)
        vm_usage.add(guest)
        return guest

    return get


@pytest.fixture
def boot_fresh(kernel: Kernel, vm_usage: Usage) -> Boot:
    """Gives a guest for this test alone."""

    def start(**configuration: Any) -> VM:
        guest = start_guest(kernel, **configuration)
        vm_usage.add(guest, own=True)
        return guest

    return start


@pytest.fixture
def vm(boot: Boot) -> VM:
    """A shared guest with the default configuration."""
    return boot()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, Any, None]:
    """Show what the guests said when a test has failed."""
    report: pytest.TestReport = (yield).get_result()
    usage = item.stash.get(USAGE, None)
    if report.failed and usage:
        item.stash[FAILED] = True
        report.sections += usage.sections(item.nodeid)
