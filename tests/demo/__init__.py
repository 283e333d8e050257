# SPDX-License-Identifier: GPL-2.0-only
"""./dev demo: a real program in a guest that has far less memory than the program needs."""
