"""What would help: causes of errors, ranked by what each was measured to do."""
