"""Reports for people and programs: gathered elsewhere, written here. Must not decide or look anything up."""
