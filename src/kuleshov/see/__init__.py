"""Look at films through lenses: networks that were trained on one kind of footage.

After Memo Akten, Rebecca Fiebrink and Mick Grierson, "Learning to See: You Are What You See"
(SIGGRAPH 2019).
"""
