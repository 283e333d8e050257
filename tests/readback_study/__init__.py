# SPDX-License-Identifier: GPL-2.0-only
"""What reading swapped memory back costs, by pattern: see docs/measurements/readback.md."""
