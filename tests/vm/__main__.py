# SPDX-License-Identifier: GPL-2.0-only
"""The package's commands for people: build, check and try a module. See `python3 -m vm --help`."""

import argparse
import shlex
import sys
import termios
import time
from pathlib import Path

from vm import cache, kernels, toolchain
from vm.errors import VMError
from vm.machine import VM, Disk


def build(arguments: argparse.Namespace) -> int:
    """Build the module for each kernel."""
    for name in kernels.parse_names(arguments.kernel):
        started = time.monotonic()
        kernel = kernels.get(name)
        built = toolchain.build_module(arguments.source, kernel, arguments.out / name)
        for module in built.modules:
            print(f"{kernel}: {module} in {time.monotonic() - started:.1f} s", flush=True)
    return 0


def sparse(arguments: argparse.Namespace) -> int:
    """Run sparse on the module for each kernel."""
    status = 0
    for name in kernels.parse_names(arguments.kernel):
        for line in toolchain.sparse(arguments.source, kernels.get(name), arguments.out / name):
            print(f"{arguments.source}/{line}  [kernel {name}]")
            status = 1
    return status


def checkpatch(arguments: argparse.Namespace) -> int:
    """Check the style of kernel C files."""
    files = [file.absolute() for file in arguments.files]
    found = toolchain.checkpatch(files, Path.cwd())
    print(found.replace(f"{Path.cwd()}/", ""), end="")
    return 1 if found else 0


def shell(arguments: argparse.Namespace) -> int:
    """Run a command, or an interactive shell, in a guest with the given modules in /root."""
    terminal = not arguments.command
    if terminal and not sys.stdin.isatty():
        print("an interactive shell needs a terminal; else name a command", file=sys.stderr)
        return 2
    settings = termios.tcgetattr(sys.stdin) if terminal else None
    disks = [Disk("disk", arguments.disk)] if arguments.disk else []
    try:
        with VM(
            arguments.kernel, memory_mib=arguments.memory, disks=disks, interactive=terminal
        ) as vm:
            for file in arguments.put:
                vm.put(file, f"/root/{file.name}", 0o755)
            if arguments.command:
                result = vm.run(shlex.join(arguments.command), timeout=600, check=False)
                print(result.stdout, end="")
                print(result.stderr, end="", file=sys.stderr)
                return result.returncode
            print("\r\nCtrl-D ends the guest; nothing in it is kept.", flush=True)
            vm.spawn(
                "cd /root; exec setsid --ctty --wait bash -il </dev/ttyS0 >/dev/ttyS0 2>&1",
                env={"TERM": "vt220", "PS1": r"guest:\w# "},
            ).wait(timeout=None, check=False)
            return 0
    finally:
        if settings:  # QEMU has changed them and is killed
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, settings)


def main() -> int:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="vm", description=__doc__)
    commands = parser.add_subparsers(required=True)
    for function in (build, sparse):
        command = commands.add_parser(function.__name__, help=function.__doc__)
        command.set_defaults(function=function)
        command.add_argument("source", type=Path, help="directory with the module's Kbuild")
        command.add_argument("out", type=Path, help="directory for build products")
        command.add_argument("--kernel", default="all", help="6.1,7.3 or all")
    command = commands.add_parser("checkpatch", help=checkpatch.__doc__)
    command.set_defaults(function=checkpatch)
    command.add_argument("files", type=Path, nargs="+")
    command = commands.add_parser("shell", help=shell.__doc__)
    command.set_defaults(function=shell)
    command.add_argument("--kernel", default="7.3", choices=list(kernels.SERIES))
    command.add_argument("--memory", type=int, default=512, metavar="MIB")
    command.add_argument("--disk", type=int, default=1024, metavar="MIB", help="0 for none")
    command.add_argument("--put", type=Path, action="append", default=[], metavar="FILE")
    command.add_argument("command", nargs="*", help="what to run instead of a shell")
    arguments = parser.parse_args()
    try:
        return int(arguments.function(arguments))
    except (ValueError, cache.CommandFailed, toolchain.BuildFailed, VMError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
