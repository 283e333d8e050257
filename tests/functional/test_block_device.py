# SPDX-License-Identifier: GPL-2.0-only
"""Proves that /dev/zpackN is a correct block device for anybody, not only for swap."""

import pytest

from api import Device


@pytest.mark.parametrize("algorithm", ["lz4", pytest.param("zstd", marks=pytest.mark.slow)])
def test_fio_finds_what_it_wrote(zpack: Device, algorithm: str) -> None:
    """Random transfers of 4 to 256 KiB by two jobs, most of it packed, some of it discarded."""
    zpack.comp_algorithm = algorithm
    zpack.pool_limit = 2 << 20
    fio = (
        f"fio --filename={zpack.path} --direct=1 --ioengine=libaio --iodepth=8 --numjobs=2 "
        f"--size=20M --offset_increment=20M --bsrange=4k-256k --bs_unaligned=0 --blockalign=4k "
        f"--verify=crc32c --verify_fatal=1 --verify_backlog=64 --buffer_compress_percentage=60 "
        f"--refill_buffers --randrepeat=1 --group_reporting --minimal "
    )
    zpack.vm.run(f"{fio} --name=write --rw=randwrite --loops=2", timeout=120)
    stat = zpack.stat()
    assert stat.packed > stat.ram
    assert stat.loads_packed > 0
    zpack.vm.run(f"{fio} --name=trim --rw=randtrimwrite --bs=64k", timeout=120)
    stat = zpack.stat()
    assert stat.discards > 0
    assert stat.read_errors == stat.checksum_errors == 0


def test_file_system_survives_writeback(zpack: Device) -> None:
    """ext4: files are what they were after everything was packed, dropped and read again."""
    vm = zpack.vm
    vm.run(f"mkfs.ext4 -q {zpack.path} && mkdir -p /mnt/zpack && mount {zpack.path} /mnt/zpack")
    vm.run(
        "cd /mnt/zpack && cp -r /usr/lib/python3/ /etc . && head -c 3M /dev/urandom >random && "
        "truncate -s 5M sparse && find . -type f -print0 | sort -z | "
        "xargs -0 sha256sum >/tmp/sums && sync",
        timeout=90,
    )
    zpack.writeback()
    assert zpack.stat().packed > 700
    check = "cd /mnt/zpack && sha256sum --quiet -c /tmp/sums"
    vm.run(f"echo 3 >/proc/sys/vm/drop_caches; {check}", timeout=90)
    vm.run(f"umount /mnt/zpack && e2fsck -fn {zpack.path}", timeout=60)
    zpack.writeback()
    vm.run(f"mount {zpack.path} /mnt/zpack && {check}", timeout=90)
    before = zpack.stat()
    vm.run("rm /mnt/zpack/random && sync && fstrim /mnt/zpack")
    assert zpack.stat().stored < before.stored - 700
    vm.run("cd /mnt/zpack && sed -i '/ .\\/random$/d' /tmp/sums && sha256sum --quiet -c /tmp/sums")
    vm.run(f"umount /mnt/zpack && e2fsck -fn {zpack.path} && rm /tmp/sums", timeout=60)


def test_buffered_and_direct_access_see_the_same(zpack: Device) -> None:
    zpack.vm.run(
        f"head -c 2M /dev/urandom >/tmp/in && cp /tmp/in /tmp/expected && "
        f"dd if=/tmp/in of={zpack.path} bs=1000 conv=fsync status=none && "
        f"echo all >{zpack.attribute('writeback')} && echo 3 >/proc/sys/vm/drop_caches && "
        f"cmp -n 2097152 /tmp/expected {zpack.path} && "
        f"dd if={zpack.path} bs=2M count=1 iflag=direct status=none | cmp - /tmp/expected && "
        f"rm /tmp/in /tmp/expected",
        timeout=60,
    )
