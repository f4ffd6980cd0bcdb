"""Pages and attachments as each kind of site gives and takes them."""
