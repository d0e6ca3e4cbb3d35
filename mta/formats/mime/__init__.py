"""A message as offsets into its bytes: fields, the tree of parts, parameters, encodings. Bodies are not loaded to find the parts.

Everything here is forgiving (mail is what people send, not what RFCs say), linear in the size of the message, and iterative: depth, parts,
fields and parameters have caps, and what a cap or a defect changed is noted beside the result, so that a reader can be told.
"""
