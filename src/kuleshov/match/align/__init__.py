"""Find where in an archive each stretch of a source might be answered, and how well."""
