# SPDX-License-Identifier: GPL-2.0-only
"""zpack in a guest, for tests that read like sentences.

    device     Device: tunables, actions, reports of one /dev/zpackN
    stat       what the reports contain
    pages      write pages of known contents to a block device, and check them
    mapping    device-mapper devices, to fail and to be small
    module     build the module and load it
    plugin     pytest fixtures
"""

from api.device import Device
from api.mapping import Mapping
from api.module import load_zpack
from api.pages import Failure, Pages
from api.stat import (
    BlockState,
    CgroupRecord,
    ClassRecord,
    DiskStat,
    LayoutRecord,
    ObjectRecord,
    Stat,
)

__all__ = [
    "BlockState",
    "CgroupRecord",
    "ClassRecord",
    "Device",
    "DiskStat",
    "Failure",
    "LayoutRecord",
    "ObjectRecord",
    "Mapping",
    "Pages",
    "Stat",
    "load_zpack",
]
