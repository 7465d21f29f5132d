"""Write a film as other programs read it: EDL, FCPXML, lists."""
