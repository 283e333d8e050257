# SPDX-License-Identifier: GPL-2.0-only
"""./dev bench: what zpack costs, beside plain swap on the same disk."""
