"""Learning to see: a network trained on one kind of footage, and looking through it.

After Memo Akten, Rebecca Fiebrink and Mick Grierson, "Learning to See: You Are What You See"
(SIGGRAPH 2019).
"""
