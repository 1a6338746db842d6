# SPDX-License-Identifier: Apache-2.0
"""Generators of golden values, one module per op family or topic; see ../README.md."""
