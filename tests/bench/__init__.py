# SPDX-License-Identifier: GPL-2.0-only
"""./dev bench: zpack beside plain swap, zswap and zram.

    corpus     pages of real processes             figures        what is computed, and the limits
    systems    how each system is set up           report         tables and plots
    run        the workload on one of them         svg            bars and curves, for any document
    profile, instructions.c                        where the guest's instructions go

The workload is tests/programs/phases.c.
"""
