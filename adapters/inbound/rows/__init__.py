"""Files and bodies as rows, for every door that imports: which format, which bytes, and what is wrong with them."""
