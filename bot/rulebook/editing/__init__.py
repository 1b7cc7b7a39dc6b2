"""The folder of rule files, the book in force, and what changes them."""
