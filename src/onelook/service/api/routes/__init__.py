"""One file a resource: a route reads what came, calls one function and answers."""
