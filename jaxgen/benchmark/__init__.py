"""The speed of jaxgen beside that of other projects."""
