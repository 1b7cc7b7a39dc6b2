"""Engines, tables, the batching writer and pages of rows. Knows no business."""
