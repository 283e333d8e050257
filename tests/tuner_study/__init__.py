# SPDX-License-Identifier: GPL-2.0-only
"""What the tuner costs and gains with the real module."""
