# SPDX-License-Identifier: GPL-2.0-only
"""A long random mix of everything that can be done to zpack, with every page verified.

    plan       which operations, in which order: follows from the seed alone
    machine    a guest with a swap device, a second device and a load; carries operations out
    report     what was found
    __main__   ./dev soak
"""
