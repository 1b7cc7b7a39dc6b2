"""A rule as a form: what its controls show, and what each change of one does to the text. Nothing is ever dumped."""
