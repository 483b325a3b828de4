"""What each kind of connection knows of its provider; `registry` lists them, nobody else compares their names."""
