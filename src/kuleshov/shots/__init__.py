"""Find where one shot ends and the next begins."""
