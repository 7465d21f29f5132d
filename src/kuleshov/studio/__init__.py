"""The studio: a page in the browser on which a person shapes a recut, and the server behind it.

Thin over `desk`: what is decided lies in the project, what a film shows in the renderer. The server
is for one person; who has the token is that person.
"""
