"""The commands as they are typed: names, arguments and help; what they do is in the files beside."""
