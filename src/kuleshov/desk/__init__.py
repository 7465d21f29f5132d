"""All that a person does with an archive and a project, for every face: no options, no printing."""
