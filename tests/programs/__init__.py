# SPDX-License-Identifier: GPL-2.0-only
"""C programs that run in a guest, and how to drive them from a test."""
