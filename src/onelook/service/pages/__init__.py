"""The pages that people see: one file a page here, its template, script and texts in `ui/`."""
