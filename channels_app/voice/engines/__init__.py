"""Speech engines: what hears a caller and what speaks to them, behind two ports (`base`)."""
