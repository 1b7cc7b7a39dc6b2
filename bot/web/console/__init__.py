"""The console: rules and conversations in a browser. `layout` tells how a page is added."""
